#include "onnx/tensor_proto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <limits>

namespace signum::onnx {
namespace {

using ::onnx::TensorProto;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TensorProto OfType(int32_t type, std::vector<int64_t> sizes) {
  TensorProto tensor;
  tensor.set_data_type(type);
  for (const int64_t size : sizes) tensor.add_dims(size);
  return tensor;
}

TensorProto Raw(int32_t type, std::vector<int64_t> sizes, std::string bytes) {
  TensorProto tensor = OfType(type, std::move(sizes));
  tensor.set_raw_data(std::move(bytes));
  return tensor;
}

TensorProto Int32s(int32_t type, std::vector<int32_t> values) {
  TensorProto tensor = OfType(type, {static_cast<int64_t>(values.size())});
  for (const int32_t value : values) tensor.add_int32_data(value);
  return tensor;
}

Constant Parse(const TensorProto& tensor) {
  const auto constant = ParseTensor(tensor);
  EXPECT_TRUE(constant.has_value()) << constant.error().message;
  return constant.value_or(Constant{});
}

std::string Refuse(const TensorProto& tensor, ErrorCode code) {
  const auto constant = ParseTensor(tensor);
  if (constant) return "accepted";
  EXPECT_EQ(constant.error().code, code) << constant.error().message;
  return constant.error().message;
}

TEST(TensorProto, RawDataIsLittleEndian) {
  const std::string bytes("\x00\x00\xc0\x3f\x00\x00\x00\xc0", 8);
  EXPECT_EQ(Parse(Raw(TensorProto::FLOAT, {2, 1}, bytes)),
            Constant::OfFloats({2, 1}, {1.5f, -2.0f}));
  EXPECT_EQ(Parse(Raw(TensorProto::DOUBLE, {1}, std::string("\0\0\0\0\0\0\xf8\xbf", 8))),
            Constant::OfFloats({1}, {-1.5f}));
  EXPECT_EQ(
      Parse(Raw(TensorProto::FLOAT16, {4}, std::string("\x00\x3c\x00\xc0\x01\x00\x00\xfc", 8))),
      Constant::OfFloats({4}, {1, -2, 0x1p-24f, -INFINITY}));
  EXPECT_EQ(Parse(Raw(TensorProto::BFLOAT16, {2}, std::string("\x80\x3f\x40\xc0", 4))),
            Constant::OfFloats({2}, {1, -3}));
  const auto integers = [&](int32_t type, ElementType element, std::string raw,
                            std::vector<int64_t> values) {
    const auto size = static_cast<int64_t>(values.size());
    EXPECT_EQ(Parse(Raw(type, {size}, raw)), Constant::OfIntegers(element, {size}, values));
  };
  integers(TensorProto::INT8, ElementType::kInt8, "\x80\x7f", {-128, 127});
  integers(TensorProto::UINT8, ElementType::kUint8, "\x80\x7f", {128, 127});
  integers(TensorProto::BOOL, ElementType::kBool, std::string("\x01\x00\x02", 3), {1, 0, 1});
  integers(TensorProto::INT16, ElementType::kInt16, "\xfe\xff\x01\x02", {-2, 513});
  integers(TensorProto::UINT16, ElementType::kUint16, "\xfe\xff", {65534});
  integers(TensorProto::INT32, ElementType::kInt32, "\xfe\xff\xff\xff", {-2});
  integers(TensorProto::UINT32, ElementType::kUint32, "\xfe\xff\xff\xff", {4294967294});
  integers(TensorProto::INT64, ElementType::kInt64, "\xfe\xff\xff\xff\xff\xff\xff\xff", {-2});
  integers(TensorProto::UINT64, ElementType::kUint64, "\xff\xff\xff\xff\xff\xff\xff\x7f",
           {std::numeric_limits<int64_t>::max()});
}

TEST(TensorProto, EveryTypeHasItsTypedField) {
  TensorProto floats = OfType(TensorProto::FLOAT, {2});
  floats.add_float_data(0.5f);
  floats.add_float_data(NAN);
  EXPECT_EQ(Parse(floats).Float(0), 0.5f);
  EXPECT_TRUE(std::isnan(Parse(floats).Float(1)));
  TensorProto doubles = OfType(TensorProto::DOUBLE, {2});
  doubles.add_double_data(0.1);
  doubles.add_double_data(INFINITY);
  EXPECT_EQ(Parse(doubles), Constant::OfFloats({2}, {0.1f, INFINITY}));
  // Their bits, as uint16.
  EXPECT_EQ(Parse(Int32s(TensorProto::FLOAT16, {0x3c00, 0xc000})),
            Constant::OfFloats({2}, {1, -2}));
  EXPECT_EQ(Parse(Int32s(TensorProto::BFLOAT16, {0xc040})), Constant::OfFloats({1}, {-3}));
  const auto integers = [&](int32_t type, ElementType element, std::vector<int32_t> values) {
    const Constant constant = Parse(Int32s(type, values));
    EXPECT_EQ(constant.type, element);
    EXPECT_EQ(constant.Integers(), std::vector<int64_t>(values.begin(), values.end()));
  };
  integers(TensorProto::INT8, ElementType::kInt8, {-128, 127});
  integers(TensorProto::UINT8, ElementType::kUint8, {0, 255});
  integers(TensorProto::BOOL, ElementType::kBool, {1, 0});
  integers(TensorProto::INT16, ElementType::kInt16, {-32768, 32767});
  integers(TensorProto::UINT16, ElementType::kUint16, {65535});
  integers(TensorProto::INT32, ElementType::kInt32, {-7});
  TensorProto longs = OfType(TensorProto::INT64, {1});
  longs.add_int64_data(-5000000000);
  EXPECT_EQ(Parse(longs), Constant::OfIntegers(ElementType::kInt64, {1}, {-5000000000}));
  TensorProto words = OfType(TensorProto::UINT32, {1});
  words.add_uint64_data(4294967295);
  EXPECT_EQ(Parse(words), Constant::OfIntegers(ElementType::kUint32, {1}, {4294967295}));
  words.set_data_type(TensorProto::UINT64);
  EXPECT_EQ(Parse(words), Constant::OfIntegers(ElementType::kUint64, {1}, {4294967295}));
}

TEST(TensorProto, ScalarsAndEmptyTensors) {
  const Constant scalar = Parse(Raw(TensorProto::INT8, {}, "\x07"));
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_EQ(scalar.Integers(), std::vector<int64_t>{7});
  EXPECT_THAT(Refuse(OfType(TensorProto::INT8, {}), ErrorCode::kCorrupt), HasSubstr("needs 1"));
  const Constant empty = Parse(OfType(TensorProto::FLOAT, {2, 0, 3}));
  EXPECT_THAT(empty.sizes, ElementsAre(2, 0, 3));
  EXPECT_EQ(empty.elements(), 0);
  EXPECT_EQ(Parse(Raw(TensorProto::INT64, {0}, "")).elements(), 0);
}

TEST(TensorProto, SizesAreCheckedBeforeAnythingIsAllocated) {
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(Refuse(Raw(TensorProto::FLOAT, {2, -1}, "abcd"), ErrorCode::kCorrupt),
              HasSubstr("2x-1: negative"));
  EXPECT_THAT(Refuse(Raw(TensorProto::FLOAT, {huge, huge}, "abcd"), ErrorCode::kCorrupt),
              HasSubstr("more than any file"));
  EXPECT_THAT(Refuse(Raw(TensorProto::DOUBLE, {huge / 4}, "abcd"), ErrorCode::kCorrupt),
              HasSubstr("more than any file"));
  EXPECT_THAT(Refuse(Raw(TensorProto::FLOAT, {huge / 8}, "abcd"), ErrorCode::kCorrupt),
              HasSubstr("stores 4 bytes; it needs"));
  EXPECT_THAT(Refuse(Raw(TensorProto::INT8, {0, huge, huge}, "abcd"), ErrorCode::kCorrupt),
              HasSubstr("more than any file"));
  EXPECT_THAT(Refuse(Raw(TensorProto::FLOAT, {2}, "abcdefg"), ErrorCode::kCorrupt),
              HasSubstr("float32 2 stores 7 bytes; it needs 8"));
  EXPECT_THAT(Refuse(Int32s(TensorProto::INT64, {1}), ErrorCode::kCorrupt),
              HasSubstr("int64 1 stores 0 elements; it needs 1"));
  TensorProto both = Int32s(TensorProto::INT32, {1});
  both.set_raw_data("abcd");
  EXPECT_THAT(Refuse(both, ErrorCode::kCorrupt), HasSubstr("twice"));
}

TEST(TensorProto, ValuesThatDoNotFitAreRefused) {
  EXPECT_THAT(Refuse(Int32s(TensorProto::INT8, {0, 128}), ErrorCode::kCorrupt),
              HasSubstr("element 1 does not fit int8"));
  EXPECT_THAT(Refuse(Int32s(TensorProto::UINT16, {-1}), ErrorCode::kCorrupt), HasSubstr("uint16"));
  EXPECT_THAT(Refuse(Int32s(TensorProto::FLOAT16, {65536}), ErrorCode::kCorrupt),
              HasSubstr("float16"));
  TensorProto doubles = OfType(TensorProto::DOUBLE, {1});
  doubles.add_double_data(1e300);
  EXPECT_THAT(Refuse(doubles, ErrorCode::kUnsupported),
              HasSubstr("element 0 does not fit float32, as which float64 is read"));
  EXPECT_THAT(Refuse(Raw(TensorProto::UINT64, {1}, "\xff\xff\xff\xff\xff\xff\xff\xff"),
                     ErrorCode::kUnsupported),
              HasSubstr("int64"));
}

TEST(TensorProto, OtherTypesAreRefusedByName) {
  const auto refuse = [](int32_t type) {
    return Refuse(OfType(type, {0}), ErrorCode::kUnsupported);
  };
  EXPECT_THAT(refuse(TensorProto::STRING), HasSubstr("type string;"));
  EXPECT_THAT(refuse(TensorProto::COMPLEX64), HasSubstr("complex64"));
  EXPECT_THAT(refuse(TensorProto::COMPLEX128), HasSubstr("complex128"));
  EXPECT_THAT(refuse(TensorProto::UNDEFINED), HasSubstr("no type"));
  EXPECT_THAT(refuse(17), HasSubstr("float8e4m3fn"));
  EXPECT_THAT(refuse(22), HasSubstr("int4"));
  EXPECT_THAT(refuse(99), HasSubstr("99"));
  EXPECT_THAT(refuse(-1), HasSubstr("-1"));
  TensorProto segment = Raw(TensorProto::INT8, {1}, "a");
  segment.mutable_segment()->set_begin(0);
  EXPECT_THAT(Refuse(segment, ErrorCode::kUnsupported), HasSubstr("segment"));
}

}  // namespace
}  // namespace signum::onnx
