#include "format/tensor_file.h"

#include <fmt/format.h>

#include <bit>
#include <utility>

#include "base/float16.h"
#include "base/shape.h"
#include "format/sgn_wire.h"

namespace signum {
namespace {

template <typename Word>
Word ReadWord(const uint8_t* bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < sizeof(Word); ++i) word |= uint64_t{bytes[i]} << (8 * i);
  return static_cast<Word>(word);
}

float FromFloat32(const uint8_t* bytes) { return std::bit_cast<float>(ReadWord<uint32_t>(bytes)); }

float FromFloat64(const uint8_t* bytes) {
  return static_cast<float>(std::bit_cast<double>(ReadWord<uint64_t>(bytes)));
}

float FromBfloat16(const uint8_t* bytes) { return base::FromBfloat16(ReadWord<uint16_t>(bytes)); }

float FromFloat16(const uint8_t* bytes) { return base::FromFloat16(ReadWord<uint16_t>(bytes)); }

int8_t FromInt8(const uint8_t* bytes) { return static_cast<int8_t>(*bytes); }

// The elements in row-major order.
template <typename Value>
Tensor Convert(const StoredTensor& stored, Value (*read)(const uint8_t*)) {
  Shape shape(stored.sizes);
  const size_t rank = stored.sizes.size();
  std::vector<Value> values(static_cast<size_t>(shape.elements()));
  std::vector<int64_t> index(rank, 0);
  int64_t at = 0;
  for (Value& value : values) {
    value = read(stored.data.data() + at * stored.type.bytes);
    for (size_t axis = rank; axis-- > 0;) {
      if (++index[axis] < stored.sizes[axis]) {
        at += stored.strides[axis];
        break;
      }
      // Within the storage, as CheckView saw; a step further need not be.
      at -= stored.strides[axis] * (stored.sizes[axis] - 1);
      index[axis] = 0;
    }
  }
  return Tensor(std::move(shape), std::move(values));
}

Status CheckHasElements(const StoredTensor& stored) {
  if (CheckedElements(Shape(stored.sizes)) > 0) return {};
  return InvalidArgument(
      fmt::format("tensor '{}' of {} has no elements", stored.key, stored.ShapeText()));
}

}  // namespace

std::string StoredTensor::ShapeText() const { return Shape(sizes).ToString(); }

Status CheckView(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides,
                 int64_t offset, int64_t storage_elements) {
  if (sizes.size() > format::kMaxRank || sizes.size() != strides.size()) {
    return Corrupt(fmt::format("has {} sizes and {} strides; there must be as many, and at most {}",
                               sizes.size(), strides.size(), format::kMaxRank));
  }
  bool empty = false;
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] < 0 || strides[axis] < 0) {
      return Corrupt(fmt::format("has size {} and stride {} along axis {}; neither may be negative",
                                 sizes[axis], strides[axis], axis));
    }
    empty |= sizes[axis] == 0;
  }
  if (offset < 0 || offset > storage_elements) {
    return Corrupt(
        fmt::format("starts at element {} of a storage of {}", offset, storage_elements));
  }
  if (empty) return {};
  // Both are below 2^63 before they are multiplied or added to: 128 bits hold them.
  __int128 last = offset, elements = 1;
  for (size_t axis = 0; axis < sizes.size() && last < storage_elements; ++axis) {
    last += static_cast<__int128>(sizes[axis] - 1) * strides[axis];
    if (elements <= storage_elements) elements *= sizes[axis];
  }
  const std::string shape = Shape(sizes).ToString();
  if (last >= storage_elements) {
    return Corrupt(
        fmt::format("of {} leads beyond the {} elements of its storage", shape, storage_elements));
  }
  if (elements > storage_elements) {
    return Unsupported(fmt::format(
        "of {} repeats the {} elements of its storage; save a copy of it: tensor.contiguous()",
        shape, storage_elements));
  }
  return {};
}

std::vector<int64_t> DenseStrides(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t axis = sizes.size(); axis > 1; --axis) {
    strides[axis - 2] = strides[axis - 1] * sizes[axis - 1];
  }
  return strides;
}

Status CheckKey(std::string_view key) {
  // A node's name, a dot and a role.
  constexpr size_t kMaxKeyBytes = format::kMaxNameBytes + 64;
  if (!key.empty() && key.size() <= kMaxKeyBytes && format::IsText(key, false)) return {};
  return Corrupt(fmt::format(
      "the key '{}' is empty, longer than {} bytes, holds control characters or is not UTF-8",
      format::Printable(key), kMaxKeyBytes));
}

Result<Tensor> ToFloats(const StoredTensor& stored) {
  SIGNUM_RETURN_IF_ERROR(CheckHasElements(stored));
  if (stored.type == kFloat32Elements) return Convert(stored, FromFloat32);
  if (stored.type == kFloat64Elements) return Convert(stored, FromFloat64);
  if (stored.type == kFloat16Elements) return Convert(stored, FromFloat16);
  if (stored.type == kBfloat16Elements) return Convert(stored, FromBfloat16);
  return Unsupported(fmt::format(
      "tensor '{}' is of type {}; weights are read from float32, float64, float16 and bfloat16: "
      "save it after tensor.float()",
      stored.key, stored.type.name));
}

Result<Tensor> ToCodes(const StoredTensor& stored) {
  SIGNUM_RETURN_IF_ERROR(CheckHasElements(stored));
  if (stored.type == kInt8Elements) return Convert(stored, FromInt8);
  return Unsupported(fmt::format("tensor '{}' is of type {}; weight codes are int8", stored.key,
                                 stored.type.name));
}

}  // namespace signum
