#include "format/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/shape.h"
#include "format/safetensors_header.h"
#include "format/sgn_wire.h"

namespace signum {
namespace format {
namespace {

constexpr size_t kLengthBytes = 8;
// The limit of the format's own reader.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

struct Dtype {
  std::string_view name;
  ElementType type;
};
constexpr std::array<Dtype, 16> kDtypes = {{
    {"F32", kFloat32Elements},
    {"F64", kFloat64Elements},
    {"F16", kFloat16Elements},
    {"BF16", kBfloat16Elements},
    {"I8", kInt8Elements},
    {"U8", {"uint8", 1}},
    {"I16", {"int16", 2}},
    {"U16", {"uint16", 2}},
    {"I32", {"int32", 4}},
    {"U32", {"uint32", 4}},
    {"I64", {"int64", 8}},
    {"U64", {"uint64", 8}},
    {"BOOL", {"bool", 1}},
    {"C64", {"complex64", 8}},
    {"F8_E4M3", {"float8_e4m3fn", 1}},
    {"F8_E5M2", {"float8_e5m2", 1}},
}};

uint64_t HeaderBytes(std::span<const uint8_t> bytes) {
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= uint64_t{bytes[i]} << (8 * i);
  return length;
}

// The bytes that `entry` needs; nothing where 64 bits cannot count them.
std::optional<uint64_t> NeededBytes(const SafetensorsEntry& entry, const ElementType& type) {
  if (std::find(entry.shape.begin(), entry.shape.end(), 0u) != entry.shape.end()) return 0;
  auto needed = static_cast<uint64_t>(type.bytes);
  for (const uint64_t size : entry.shape) {
    if (size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / needed) return {};
    needed *= size;
  }
  return needed;
}

// Errors continue a sentence that starts with the tensor's name.
Result<StoredTensor> ReadEntry(const SafetensorsEntry& entry, std::span<const uint8_t> data) {
  StoredTensor tensor;
  tensor.key = entry.name;
  for (const Dtype& known : kDtypes) {
    if (known.name == entry.dtype) tensor.type = known.type;
  }
  if (tensor.type.bytes == 0) {
    return Unsupported(
        fmt::format("is of the unknown type '{}'; save it as F32", Printable(entry.dtype)));
  }
  if (entry.shape.size() > kMaxRank) {
    return Unsupported(fmt::format("has more than {} axes", kMaxRank));
  }
  if (entry.offsets.size() != 2 || entry.offsets[0] > entry.offsets[1] ||
      entry.offsets[1] > data.size()) {
    return Corrupt(fmt::format("has offsets that are no range within the {} bytes of data{}",
                               data.size(), kCopyAgain));
  }
  const uint64_t size = entry.offsets[1] - entry.offsets[0];
  if (NeededBytes(entry, tensor.type) != size) {
    return Corrupt(fmt::format("has {} bytes, which its shape and type {} do not fit{}", size,
                               entry.dtype, kCopyAgain));
  }
  // Where a size is 0, the others were bounded by nothing.
  for (const uint64_t axis : entry.shape) {
    if (axis > static_cast<uint64_t>(kMaxTensorElements)) return Corrupt("has an impossible size");
    tensor.sizes.push_back(static_cast<int64_t>(axis));
  }
  tensor.strides =
      size == 0 ? std::vector<int64_t>(entry.shape.size(), 1) : DenseStrides(tensor.sizes);
  tensor.data = data.subspan(entry.offsets[0], size);
  return tensor;
}

// Whether the tensors lie back to back in all of the data.
Status CheckLayout(std::vector<SafetensorsEntry>& entries, size_t data_bytes) {
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.offsets < b.offsets; });
  uint64_t end = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.offsets[0] != end) {
      return Corrupt(
          fmt::format("tensor '{}' starts at byte {} of the data, where the one before "
                      "it ends at {}: they {}{}",
                      entry.name, entry.offsets[0], end,
                      entry.offsets[0] < end ? "overlap" : "leave a gap", kCopyAgain));
    }
    end = entry.offsets[1];
  }
  if (end == data_bytes) return {};
  return Corrupt(fmt::format("has {} bytes of data, of which its tensors take {}{}", data_bytes,
                             end, kCopyAgain));
}

}  // namespace
}  // namespace format

bool IsSafetensors(std::span<const uint8_t> bytes) {
  using namespace format;
  return bytes.size() > kLengthBytes && HeaderBytes(bytes) <= kMaxHeaderBytes &&
         bytes[kLengthBytes] == '{';
}

Result<TensorFile> ParseSafetensors(std::vector<uint8_t> bytes) {
  using namespace format;
  if (!IsSafetensors(bytes)) {
    return Corrupt("does not start with the header of a safetensors file");
  }
  const uint64_t length = HeaderBytes(bytes);
  if (length > bytes.size() - kLengthBytes) {
    return Corrupt(fmt::format("truncated: its header has {} bytes, the file has {}{}", length,
                               bytes.size(), kCopyAgain));
  }
  TensorFile file;
  file.kind = "safetensors file";
  file.bytes = std::move(bytes);
  const std::span<const uint8_t> all(file.bytes);
  const auto json = all.subspan(kLengthBytes, length), data = all.subspan(kLengthBytes + length);
  SIGNUM_ASSIGN_OR_RETURN(
      SafetensorsHeader header,
      ParseSafetensorsHeader({reinterpret_cast<const char*>(json.data()), json.size()}));
  for (const SafetensorsEntry& entry : header.entries) {
    SIGNUM_RETURN_IF_ERROR(CheckKey(entry.name));
    Result<StoredTensor> tensor = ReadEntry(entry, data);
    if (!tensor) {
      return Fail(tensor.error().code,
                  fmt::format("tensor '{}' {}", entry.name, tensor.error().message));
    }
    file.tensors.push_back(*std::move(tensor));
  }
  SIGNUM_RETURN_IF_ERROR(CheckLayout(header.entries, data.size()));
  file.metadata = std::move(header.metadata);
  return file;
}

Result<TensorFile> ReadSafetensors(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, base::ReadFile(path));
  Result<TensorFile> file = ParseSafetensors(std::move(bytes));
  if (!file) return tl::unexpected(file.error().In(path));
  return file;
}

}  // namespace signum
