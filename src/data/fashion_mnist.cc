#include "data/fashion_mnist.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <utility>

#include "data/archive.h"

namespace signum::data {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSide = 28;
constexpr int64_t kGarments = 10;
constexpr size_t kMaxIdxBytes = size_t{64} << 20;
constexpr char kIdxAdvice[] = "get it again with `signum data get fashion-mnist`";

int64_t Records(Split split) { return split == Split::kTrain ? 60000 : 10000; }

// The path of the file in the folder, plain or with .gz; empty where neither is.
std::string FindIn(const fs::path& folder, const std::string& file) {
  std::error_code ignored;
  for (const char* suffix : {"", ".gz"}) {
    const fs::path path = folder / (file + suffix);
    if (fs::exists(path, ignored)) return path.string();
  }
  return "";
}

bool HasAny(const fs::path& folder) {
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const IdxNames names = FashionMnistFiles(split);
    if (!FindIn(folder, names.images).empty() || !FindIn(folder, names.labels).empty()) {
      return true;
    }
  }
  return false;
}

Result<std::vector<uint8_t>> ReadElements(const fs::path& folder, const std::string& file,
                                          const std::vector<int64_t>& sizes) {
  const std::string path = FindIn(folder, file);
  if (path.empty()) {
    return NotFound(
        fmt::format("{} is missing, with and without .gz: its folder has other files "
                    "of Fashion-MNIST, but not this; {}",
                    (folder / file).string(), kIdxAdvice));
  }
  auto bytes = ReadGzipFile(path, kMaxIdxBytes);
  if (!bytes) return Fail(bytes.error().code, bytes.error().message + "; " + kIdxAdvice);
  SIGNUM_ASSIGN_OR_RETURN(const auto elements, ParseIdx(*bytes, sizes, path));
  return std::vector<uint8_t>(elements.begin(), elements.end());
}

Result<Dataset> LoadFolder(Split split, const fs::path& folder) {
  Dataset dataset;
  dataset.name = "fashion-mnist";
  dataset.image_shape = {1, kSide, kSide};
  dataset.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                         "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  dataset.source = folder.string();
  const IdxNames names = FashionMnistFiles(split);
  const int64_t records = Records(split);
  SIGNUM_ASSIGN_OR_RETURN(dataset.images,
                          ReadElements(folder, names.images, {records, kSide, kSide}));
  SIGNUM_ASSIGN_OR_RETURN(const auto labels, ReadElements(folder, names.labels, {records}));
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= kGarments) {
      return Corrupt(
          fmt::format("{} has label {} for image {}; labels are 0 to 9: it is damaged, "
                      "{}",
                      FindIn(folder, names.labels), labels[i], i, kIdxAdvice));
    }
  }
  dataset.labels.assign(labels.begin(), labels.end());
  return dataset;
}

}  // namespace

IdxNames FashionMnistFiles(Split split) {
  const std::string prefix = split == Split::kTrain ? "train" : "t10k";
  return {prefix + "-images-idx3-ubyte", prefix + "-labels-idx1-ubyte"};
}

Result<std::span<const uint8_t>> ParseIdx(std::span<const uint8_t> bytes,
                                          const std::vector<int64_t>& sizes,
                                          const std::string& name) {
  const size_t header = 4 + 4 * sizes.size();
  if (bytes.size() < header || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 ||
      bytes[3] != sizes.size()) {
    return Corrupt(
        fmt::format("{} does not start as an idx file of bytes with {} sizes "
                    "(00 00 08 {:02x}); {}",
                    name, sizes.size(), sizes.size(), kIdxAdvice));
  }
  int64_t elements = 1;
  std::vector<int64_t> found;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const uint8_t* at = bytes.data() + 4 + 4 * i;
    found.push_back(int64_t{at[0]} << 24 | at[1] << 16 | at[2] << 8 | at[3]);
    elements *= sizes[i];
  }
  if (found != sizes) {
    return Corrupt(fmt::format("{} says that it has {} elements, not {}: it is another dataset; {}",
                               name, fmt::join(found, "x"), fmt::join(sizes, "x"), kIdxAdvice));
  }
  if (static_cast<int64_t>(bytes.size() - header) != elements) {
    return Corrupt(fmt::format("{} has {} bytes after its header, not {}: it is incomplete; {}",
                               name, bytes.size() - header, elements, kIdxAdvice));
  }
  return bytes.subspan(header);
}

Result<Dataset> LoadFashionMnist(Split split, const std::string& folder,
                                 const std::string& system_folder) {
  std::vector<fs::path> places = {fs::path(folder) / "fashion-mnist", folder};
  if (!system_folder.empty()) places.emplace_back(system_folder);
  for (const fs::path& place : places) {
    if (HasAny(place)) return LoadFolder(split, place);
  }
  return NotFound(
      fmt::format("no Fashion-MNIST in {}: get it with `signum data get "
                  "fashion-mnist`, or install Debian's dataset-fashion-mnist",
                  folder));
}

}  // namespace signum::data
