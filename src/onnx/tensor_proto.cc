#include "onnx/tensor_proto.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "base/float16.h"

namespace signum::onnx {
namespace {

using ::onnx::TensorProto;

// By the number of TensorProto.DataType, those after this onnx.proto included.
constexpr const char* kTypeNames[] = {
    "no type",        "float32",    "uint8",          "int8",       "uint16",   "int16",
    "int32",          "int64",      "string",         "bool",       "float16",  "float64",
    "uint32",         "uint64",     "complex64",      "complex128", "bfloat16", "float8e4m3fn",
    "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",     "float4e2m1"};

// Of one element in raw_data; of the types that ToElementType knows.
int64_t ElementBytes(int32_t type) {
  switch (type) {
    case TensorProto::UINT8:
    case TensorProto::INT8:
    case TensorProto::BOOL: return 1;
    case TensorProto::UINT16:
    case TensorProto::INT16:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16: return 2;
    case TensorProto::FLOAT:
    case TensorProto::INT32:
    case TensorProto::UINT32: return 4;
    default: return 8;
  }
}

std::vector<int64_t> SizesOf(const TensorProto& tensor) {
  return {tensor.dims().begin(), tensor.dims().end()};
}

// Whether a word is a value that a Constant holds, and which.
template <typename Value>
struct Exactly {
  template <typename Word>
  std::optional<Value> operator()(Word word) const {
    if constexpr (std::is_same_v<Word, uint64_t>) {
      if (!std::in_range<int64_t>(word)) return std::nullopt;
    }
    return static_cast<Value>(word);
  }
};

std::optional<float> Narrowed(double value) {
  const float narrow = static_cast<float>(value);
  if (std::isinf(narrow) && !std::isinf(value)) return std::nullopt;
  return narrow;
}

std::optional<float> FromFloat16(uint16_t bits) { return base::FromFloat16(bits); }
std::optional<float> FromBfloat16(uint16_t bits) { return base::FromBfloat16(bits); }
std::optional<int64_t> FromBool(uint8_t byte) { return byte != 0; }

template <typename Word>
Word ReadLittleEndian(const char* bytes) {
  char word[sizeof(Word)];
  std::memcpy(word, bytes, sizeof(Word));
  if constexpr (std::endian::native == std::endian::big) std::reverse(word, std::end(word));
  return std::bit_cast<Word>(word);
}

// The field's value as the word that it stands for: the fields are wider than some
// of the types that they store.
template <typename Word, typename Stored>
std::optional<Word> ToWord(Stored stored) {
  if constexpr (std::is_integral_v<Word>) {
    if (!std::in_range<Word>(stored)) return std::nullopt;
  }
  return static_cast<Word>(stored);
}

// One way to store elements: as words in raw_data or in the typed field, each of them
// made a Value by `convert`.
template <typename Word, typename Value, typename Field, typename Convert>
Result<Constant::Data> ReadElements(const TensorProto& tensor, int64_t count, const Field& field,
                                    Convert convert) {
  const bool raw = !tensor.raw_data().empty();
  if (raw && !field.empty()) return Corrupt("stores its data twice, as raw_data and typed");
  const auto stored = static_cast<int64_t>(raw ? tensor.raw_data().size() : field.size());
  const int64_t needed = raw ? count * static_cast<int64_t>(sizeof(Word)) : count;
  if (stored != needed) {
    return Corrupt(fmt::format("of {} {} stores {} {}; it needs {}", kTypeNames[tensor.data_type()],
                               SizesText(SizesOf(tensor)), stored, raw ? "bytes" : "elements",
                               needed));
  }
  std::vector<Value> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const std::optional<Word> word =
        raw ? ReadLittleEndian<Word>(tensor.raw_data().data() + i * sizeof(Word))
            : ToWord<Word>(field.Get(static_cast<int>(i)));
    if (!word) {
      return Corrupt(fmt::format("element {} does not fit {}", i, kTypeNames[tensor.data_type()]));
    }
    const std::optional<Value> value = convert(*word);
    if (!value) {
      return Unsupported(fmt::format("element {} does not fit {}, as which {} is read", i,
                                     std::is_same_v<Value, float> ? "float32" : "int64",
                                     kTypeNames[tensor.data_type()]));
    }
    values[static_cast<size_t>(i)] = *value;
  }
  return Constant::Data(std::move(values));
}

Result<Constant::Data> ReadData(const TensorProto& t, int64_t count) {
  const auto& int32s = t.int32_data();
  switch (t.data_type()) {
    case TensorProto::FLOAT:
      return ReadElements<float, float>(t, count, t.float_data(), Exactly<float>());
    case TensorProto::DOUBLE:
      return ReadElements<double, float>(t, count, t.double_data(), Narrowed);
    case TensorProto::FLOAT16: return ReadElements<uint16_t, float>(t, count, int32s, FromFloat16);
    case TensorProto::BFLOAT16:
      return ReadElements<uint16_t, float>(t, count, int32s, FromBfloat16);
    case TensorProto::INT8:
      return ReadElements<int8_t, int8_t>(t, count, int32s, Exactly<int8_t>());
    case TensorProto::UINT8:
      return ReadElements<uint8_t, uint8_t>(t, count, int32s, Exactly<uint8_t>());
    case TensorProto::BOOL: return ReadElements<uint8_t, int64_t>(t, count, int32s, FromBool);
    case TensorProto::INT16:
      return ReadElements<int16_t, int64_t>(t, count, int32s, Exactly<int64_t>());
    case TensorProto::UINT16:
      return ReadElements<uint16_t, int64_t>(t, count, int32s, Exactly<int64_t>());
    case TensorProto::INT32:
      return ReadElements<int32_t, int64_t>(t, count, int32s, Exactly<int64_t>());
    case TensorProto::UINT32:
      return ReadElements<uint32_t, int64_t>(t, count, t.uint64_data(), Exactly<int64_t>());
    case TensorProto::UINT64:
      return ReadElements<uint64_t, int64_t>(t, count, t.uint64_data(), Exactly<int64_t>());
    default: return ReadElements<int64_t, int64_t>(t, count, t.int64_data(), Exactly<int64_t>());
  }
}

}  // namespace

Result<ElementType> ToElementType(int64_t type) {
  switch (type) {
    case TensorProto::FLOAT:
    case TensorProto::DOUBLE:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16: return ElementType::kFloat32;
    case TensorProto::INT8: return ElementType::kInt8;
    case TensorProto::UINT8: return ElementType::kUint8;
    case TensorProto::INT16: return ElementType::kInt16;
    case TensorProto::UINT16: return ElementType::kUint16;
    case TensorProto::INT32: return ElementType::kInt32;
    case TensorProto::UINT32: return ElementType::kUint32;
    case TensorProto::INT64: return ElementType::kInt64;
    case TensorProto::UINT64: return ElementType::kUint64;
    case TensorProto::BOOL: return ElementType::kBool;
    default: break;
  }
  const bool named = type >= 0 && type < static_cast<int64_t>(std::size(kTypeNames));
  return Unsupported(fmt::format(
      "is of element type {}; floats of 16, 32 and 64 bits, integers of 8 to 64 bits and bool are "
      "read",
      named ? kTypeNames[type] : std::to_string(type)));
}

Result<int64_t> RawBytes(const TensorProto& tensor) {
  if (const auto type = ToElementType(tensor.data_type()); !type) {
    return tl::unexpected<Error>(type.error());
  }
  const int64_t bytes = ElementBytes(tensor.data_type());
  const int64_t count =
      CheckedProduct(SizesOf(tensor), std::numeric_limits<int64_t>::max() / bytes);
  if (count < 0) {
    return Corrupt(fmt::format("has the sizes {}: negative, or more than any file holds",
                               SizesText(SizesOf(tensor))));
  }
  return count * bytes;
}

Result<Constant> ParseTensor(const TensorProto& tensor) {
  if (HasExternalData(tensor)) {
    return InvalidArgument("keeps its data in another file, which was not read");
  }
  SIGNUM_ASSIGN_OR_RETURN(const ElementType type, ToElementType(tensor.data_type()));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t bytes, RawBytes(tensor));
  if (tensor.has_segment()) return Unsupported("is a segment of a tensor; store it whole");
  SIGNUM_ASSIGN_OR_RETURN(Constant::Data data,
                          ReadData(tensor, bytes / ElementBytes(tensor.data_type())));
  return Constant{type, SizesOf(tensor), std::move(data)};
}

}  // namespace signum::onnx
