#include "data/cifar10.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <utility>

#include "base/file.h"
#include "base/pickle.h"
#include "data/archive.h"
#include "data/numpy_array.h"

namespace signum::data {
namespace {

constexpr int64_t kPixels = 3 * 32 * 32;
constexpr int64_t kRecordBytes = 1 + kPixels;
constexpr int64_t kClasses = 10;
// The largest official file has 31 MB.
constexpr size_t kMaxFileBytes = size_t{64} << 20;
constexpr char kAdvice[] = "get it again with `signum data get cifar10`";

constexpr base::PickleRules kPickleRules = {.names = kNumpyNames,
                                            // A batch file has 2 values per record.
                                            .max_values = 1 << 17,
                                            .what = "a dataset file of CIFAR-10",
                                            .reads = "numpy arrays",
                                            .advice = "get the official file"};

Status CheckLabel(int64_t label, int64_t record, const std::string& name) {
  if (label >= 0 && label < kClasses) return {};
  return Corrupt(fmt::format("{} has label {} in record {}; labels are 0 to 9: it is damaged, {}",
                             name, label, record, kAdvice));
}

Status ParseFile(Cifar10Layout layout, std::span<const uint8_t> bytes, const std::string& name,
                 Dataset* dataset) {
  if (layout == Cifar10Layout::kBinary) {
    return ParseCifar10Binary(bytes, name, kCifar10Records, dataset);
  }
  return ParseCifar10Python(bytes, name, kCifar10Records, dataset);
}

// The class names beside the binary files, where they are there, must be ours:
// the labels of a file with other classes would mean other things.
Status CheckClassNames(std::span<const uint8_t> text, const std::string& name) {
  std::vector<std::string> names(1);
  for (const uint8_t c : text) {
    if (c == '\n' || c == '\r') {
      if (!names.back().empty()) names.emplace_back();
    } else {
      names.back() += static_cast<char>(c);
    }
  }
  if (names.back().empty()) names.pop_back();
  if (names == EmptyCifar10().class_names) return {};
  return Corrupt(
      fmt::format("{} does not list CIFAR-10's ten classes in their order; {}", name, kAdvice));
}

Result<Dataset> LoadFolder(Cifar10Layout layout, Split split, const std::string& folder) {
  namespace fs = std::filesystem;
  Dataset dataset = EmptyCifar10();
  dataset.source = folder;
  std::error_code ignored;
  const fs::path names = fs::path(folder) / "batches.meta.txt";
  if (layout == Cifar10Layout::kBinary && fs::exists(names, ignored)) {
    SIGNUM_ASSIGN_OR_RETURN(const auto text, base::ReadFile(names.string(), kMaxFileBytes));
    SIGNUM_RETURN_IF_ERROR(CheckClassNames(text, names.string()));
  }
  for (const std::string& file : Cifar10Files(layout, split)) {
    const std::string path = (fs::path(folder) / file).string();
    if (!fs::exists(path, ignored)) {
      return NotFound(fmt::format("{} is missing: {} has other files of CIFAR-10, but not this; {}",
                                  path, folder, kAdvice));
    }
    SIGNUM_ASSIGN_OR_RETURN(const auto bytes, base::ReadFile(path, kMaxFileBytes));
    SIGNUM_RETURN_IF_ERROR(ParseFile(layout, bytes, path, &dataset));
  }
  return dataset;
}

Result<Dataset> LoadArchive(Cifar10Layout layout, Split split, const std::string& archive) {
  const std::vector<std::string> files = Cifar10Files(layout, split);
  const std::string prefix = std::string(Cifar10Folder(layout)) + "/";
  std::map<std::string, Dataset> parts;  // by file, as archives have their own order
  const Status read = ReadTar(
      archive, kMaxFileBytes,
      [&](const std::string& name, int64_t) {
        const std::string file = std::filesystem::path(name).filename().string();
        return std::find(files.begin(), files.end(), file) != files.end();
      },
      [&](const std::string& name, const std::vector<uint8_t>& contents) -> Status {
        const std::string file = std::filesystem::path(name).filename().string();
        Dataset part = EmptyCifar10();
        SIGNUM_RETURN_IF_ERROR(ParseFile(layout, contents, archive + ":" + name, &part));
        parts[file] = std::move(part);
        return Status();
      });
  if (!read) {
    if (read.error().message.find(kAdvice) != std::string::npos) {
      return tl::unexpected<Error>(read.error());
    }
    return Fail(read.error().code, read.error().message + "; " + kAdvice);
  }
  Dataset dataset = EmptyCifar10();
  dataset.source = archive;
  for (const std::string& file : files) {
    const auto part = parts.find(file);
    if (part == parts.end()) {
      return Corrupt(fmt::format("{} has no file {}{}; {}", archive, prefix, file, kAdvice));
    }
    dataset.images.insert(dataset.images.end(), part->second.images.begin(),
                          part->second.images.end());
    dataset.labels.insert(dataset.labels.end(), part->second.labels.begin(),
                          part->second.labels.end());
    parts.erase(part);
  }
  return dataset;
}

// Whether any batch file of the layout is in the folder.
bool HasAny(Cifar10Layout layout, const std::string& folder) {
  std::error_code ignored;
  for (const Split split : {Split::kTrain, Split::kTest}) {
    for (const std::string& file : Cifar10Files(layout, split)) {
      if (std::filesystem::exists(std::filesystem::path(folder) / file, ignored)) return true;
    }
  }
  return false;
}

}  // namespace

const char* Cifar10Folder(Cifar10Layout layout) {
  return layout == Cifar10Layout::kBinary ? "cifar-10-batches-bin" : "cifar-10-batches-py";
}

const char* Cifar10Archive(Cifar10Layout layout) {
  return layout == Cifar10Layout::kBinary ? "cifar-10-binary.tar.gz" : "cifar-10-python.tar.gz";
}

std::vector<std::string> Cifar10Files(Cifar10Layout layout, Split split) {
  const std::string suffix = layout == Cifar10Layout::kBinary ? ".bin" : "";
  if (split == Split::kTest) return {"test_batch" + suffix};
  std::vector<std::string> files;
  for (int i = 1; i <= 5; ++i) files.push_back(fmt::format("data_batch_{}{}", i, suffix));
  return files;
}

Dataset EmptyCifar10() {
  Dataset dataset;
  dataset.name = "cifar10";
  dataset.image_shape = {3, 32, 32};
  dataset.class_names = {"airplane", "automobile", "bird",  "cat",  "deer",
                         "dog",      "frog",       "horse", "ship", "truck"};
  return dataset;
}

Status ParseCifar10Binary(std::span<const uint8_t> bytes, const std::string& name, int64_t records,
                          Dataset* dataset) {
  if (static_cast<int64_t>(bytes.size()) != records * kRecordBytes) {
    return Corrupt(
        fmt::format("{} has {} bytes, not {} ({} records of {} bytes): it is "
                    "incomplete or no CIFAR-10 file; {}",
                    name, bytes.size(), records * kRecordBytes, records, kRecordBytes, kAdvice));
  }
  dataset->images.reserve(dataset->images.size() + static_cast<size_t>(records * kPixels));
  for (int64_t i = 0; i < records; ++i) {
    const auto record = bytes.subspan(static_cast<size_t>(i * kRecordBytes), kRecordBytes);
    SIGNUM_RETURN_IF_ERROR(CheckLabel(record[0], i, name));
    dataset->labels.push_back(record[0]);
    dataset->images.insert(dataset->images.end(), record.begin() + 1, record.end());
  }
  return {};
}

Status ParseCifar10Python(std::span<const uint8_t> bytes, const std::string& name, int64_t records,
                          Dataset* dataset) {
  SIGNUM_ASSIGN_OR_RETURN(const base::Pickle pickle, base::ParsePickle(bytes, name, kPickleRules));
  using Kind = base::PickleValue::Kind;
  const base::PickleValue* array = pickle.Find(pickle.at(pickle.root), "data");
  const base::PickleValue* labels = pickle.Find(pickle.at(pickle.root), "labels");
  const auto data = array == nullptr ? std::nullopt : FindArray(pickle, *array);
  if (!data || labels == nullptr || labels->kind != Kind::kList) {
    return Corrupt(
        fmt::format("{} is a pickle without the array 'data' and the list 'labels' of "
                    "a CIFAR-10 batch; {}",
                    name, kAdvice));
  }
  const bool bytes_in_rows =
      (data->type == "u1" || data->type == "uint8" || data->type == "|u1") && !data->column_major;
  if (!bytes_in_rows || data->sizes != std::vector<int64_t>{records, kPixels} ||
      static_cast<int64_t>(data->bytes.size()) != records * kPixels) {
    return Corrupt(
        fmt::format("{} has an array 'data' of type '{}' and {} bytes, not {} rows of "
                    "{} bytes (type 'u1'): it is incomplete or no CIFAR-10 file; {}",
                    name, data->type, data->bytes.size(), records, kPixels, kAdvice));
  }
  if (static_cast<int64_t>(labels->items.size()) != records) {
    return Corrupt(fmt::format("{} has {} labels for {} images; {}", name, labels->items.size(),
                               records, kAdvice));
  }
  for (int64_t i = 0; i < records; ++i) {
    const base::PickleValue& label = pickle.at(labels->items[static_cast<size_t>(i)]);
    const bool number = label.kind == Kind::kInteger;
    SIGNUM_RETURN_IF_ERROR(CheckLabel(number ? label.integer : -1, i, name));
    dataset->labels.push_back(static_cast<int32_t>(label.integer));
  }
  dataset->images.insert(dataset->images.end(), data->bytes.begin(), data->bytes.end());
  return {};
}

Result<Dataset> LoadCifar10(Split split, const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path root(folder);
  const auto layouts = {Cifar10Layout::kBinary, Cifar10Layout::kPython};
  for (const Cifar10Layout layout : layouts) {
    for (const fs::path& place : {root, root / Cifar10Folder(layout)}) {
      if (HasAny(layout, place.string())) return LoadFolder(layout, split, place.string());
    }
  }
  for (const Cifar10Layout layout : layouts) {
    const fs::path archive = root / Cifar10Archive(layout);
    if (fs::exists(archive, ignored)) return LoadArchive(layout, split, archive.string());
  }
  return NotFound(fmt::format(
      "no CIFAR-10 in {}: get it with `signum data get cifar10`, or name "
      "the folder that has {} or {}",
      folder, Cifar10Folder(Cifar10Layout::kBinary), Cifar10Archive(Cifar10Layout::kBinary)));
}

}  // namespace signum::data
