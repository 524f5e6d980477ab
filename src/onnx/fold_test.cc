#include "onnx/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cmath>

#include "onnx/fold_test_case.h"

namespace signum::onnx {
namespace {

using ::onnx::NodeProto;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Fold, KnowsItsOperators) {
  NodeProto proto;
  proto.set_op_type("Add");
  EXPECT_TRUE(CanFold(OnnxNode(proto, 13)));
  proto.set_domain("ai.onnx");
  EXPECT_TRUE(CanFold(OnnxNode(proto, 13)));
  proto.set_domain("com.example");
  EXPECT_FALSE(CanFold(OnnxNode(proto, 13)));
  proto.clear_domain();
  proto.set_op_type("Conv");
  EXPECT_FALSE(CanFold(OnnxNode(proto, 13)));
  EXPECT_THAT(Case("Conv", 13).Refused(ErrorCode::kUnsupported), HasSubstr("Conv"));
}

TEST(Fold, ChecksInputsAttributesAndOutputs) {
  EXPECT_THAT(Case("Add", 13).In(F({1})).Refused(ErrorCode::kCorrupt), HasSubstr("input 1"));
  EXPECT_THAT(Case("Add", 13).None().In(F({1})).Refused(ErrorCode::kCorrupt), HasSubstr("input 0"));
  EXPECT_THAT(
      Case("Concat", 13).Int("axis", 0).In(F({1})).None().In(F({1})).Refused(ErrorCode::kCorrupt),
      HasSubstr("input 1"));
  EXPECT_THAT(Case("Neg", 13).In(F({1})).In(F({1})).Refused(ErrorCode::kCorrupt),
              HasSubstr("at most 1"));
  EXPECT_EQ(Case("Neg", 13).In(F({1})).None().One(), F({-1}));
  EXPECT_THAT(Case("Neg", 13).Int("axis", 1).In(F({1})).Refused(ErrorCode::kUnsupported),
              HasSubstr("'axis'"));
  EXPECT_THAT(Case("Neg", 13).In(F({1})).Outputs(2).Refused(ErrorCode::kCorrupt),
              HasSubstr("2 outputs"));
  EXPECT_THAT(
      Case("Neg", 13).In(F(std::vector<int64_t>(33, 1), {1})).Refused(ErrorCode::kUnsupported),
      HasSubstr("33 axes"));
}

TEST(Fold, Budget) {
  EXPECT_THAT(Case("ConstantOfShape", 13).In(I({11, 91})).Refused(ErrorCode::kResourceExhausted),
              HasSubstr("11x91"));
  EXPECT_EQ(Case("ConstantOfShape", 13).In(I({10, 100})).One().elements(), 1000);
  const auto exhausted = ErrorCode::kResourceExhausted;
  for (const int64_t size : {kMost, int64_t{1} << 32}) {
    EXPECT_THAT(Case("ConstantOfShape", 13).In(I({size, size})).Refused(exhausted),
                HasSubstr("more"));
    EXPECT_THAT(Case("Expand", 13).In(F({1})).In(I({size, size})).Refused(exhausted),
                HasSubstr("more"));
    EXPECT_THAT(Case("Tile", 13).In(Counted({2, 2})).In(I({size, size})).Refused(exhausted),
                HasSubstr("more"));
    EXPECT_THAT(Case("Pad", 13).In(F({1})).In(I({size, size})).Refused(exhausted),
                HasSubstr("more"));
    EXPECT_THAT(
        Case("Range", 13).In(I({}, {0})).In(I({}, {size})).In(I({}, {1})).Refused(exhausted),
        HasSubstr("more"));
  }
  EXPECT_THAT(
      Case("Range", 13).In(I({}, {kLeast})).In(I({}, {kMost})).In(I({}, {1})).Refused(exhausted),
      HasSubstr("more"));
  EXPECT_THAT(Case("Add", 13).In(Counted({4, 1})).In(Counted({4})).Budget(15).Refused(exhausted),
              HasSubstr("4x4"));
  EXPECT_EQ(Case("Add", 13).In(Counted({4, 1})).In(Counted({4})).Budget(16).One().elements(), 16);
  for (const char* op : {"Identity", "Flatten", "Relu", "Softmax"}) {
    EXPECT_THAT(Case(op, 13).In(Counted({2, 3})).Budget(5).Refused(exhausted), HasSubstr("2x3"));
  }
  // No result, but very many multiplications.
  EXPECT_THAT(Case("MatMul", 13).In(F({1, 1}, {1})).In(Counted({1, 1001})).Refused(exhausted),
              HasSubstr("1x1001"));
  FoldBudget budget{10};
  EXPECT_TRUE(budget.Take(10).has_value());
  EXPECT_TRUE(budget.Take(0).has_value());
  EXPECT_FALSE(budget.Take(1).has_value());
}

TEST(Fold, Sources) {
  EXPECT_EQ(Case("Constant", 13).Int("value_int", 7).One(), I({}, {7}));
  EXPECT_EQ(Case("Constant", 13).Ints("value_ints", {7, 8}).One(), I({7, 8}));
  EXPECT_EQ(Case("Constant", 13).Float("value_float", 7).One(), F({}, {7}));
  EXPECT_THAT(Case("Constant", 13).String("value_string", "7").Refused(ErrorCode::kUnsupported),
              HasSubstr("strings"));
  EXPECT_THAT(Case("Constant", 13)
                  .Int("value_int", 7)
                  .Ints("value_ints", {7})
                  .Refused(ErrorCode::kUnsupported),
              HasSubstr("value_ints"));
  EXPECT_EQ(Case("ConstantOfShape", 9).In(I({2})).One(), F({0, 0}));
  EXPECT_EQ(Case("ConstantOfShape", 9).In(I({0}, {})).One(), F({}, {0}));
  EXPECT_THAT(Case("ConstantOfShape", 9).In(I({2, -1})).Refused(), HasSubstr("2x-1"));
  EXPECT_EQ(Case("Shape", 13).In(Counted({2, 3, 1})).One(), I({2, 3, 1}));
  EXPECT_EQ(Case("Shape", 13).In(F({}, {1})).One(), I({0}, {}));
  EXPECT_EQ(Case("Shape", 15).Int("start", -2).Int("end", 9).In(Counted({2, 3, 1})).One(),
            I({3, 1}));
  EXPECT_EQ(Case("Shape", 15).Int("start", 2).Int("end", 1).In(Counted({2, 3})).One(), I({0}, {}));
  EXPECT_THAT(Case("Shape", 13).Int("start", 1).In(F({1})).Refused(ErrorCode::kUnsupported),
              HasSubstr("start"));
  EXPECT_EQ(Case("Size", 13).In(Counted({2, 3})).One(), I({}, {6}));
  EXPECT_EQ(Case("Range", 13).In(F({}, {1})).In(F({}, {2})).In(F({}, {0.25f})).One(),
            F({1, 1.25f, 1.5f, 1.75f}));
  EXPECT_EQ(Case("Range", 13).In(I({}, {10})).In(I({}, {3})).In(I({}, {-3})).One(), I({10, 7, 4}));
  EXPECT_EQ(Case("Range", 13).In(I({}, {1})).In(I({}, {1})).In(I({}, {5})).One(), I({0}, {}));
  EXPECT_EQ(Case("Range", 13).In(I({}, {kLeast})).In(I({}, {kMost})).In(I({}, {kMost})).One(),
            I({kLeast, -1, kMost - 1}));
  EXPECT_THAT(Case("Range", 13).In(I({}, {0})).In(I({}, {1})).In(I({}, {0})).Refused(),
              HasSubstr("end"));
  EXPECT_THAT(Case("Range", 13).In(F({}, {0})).In(F({}, {NAN})).In(F({}, {1})).Refused(),
              HasSubstr("end"));
  const auto dropped = Case("Dropout", 13).In(F({3, 4})).Outputs(2).All();
  EXPECT_THAT(dropped, ElementsAre(F({3, 4}), B({1, 1})));
  EXPECT_THAT(Case("Dropout", 7).Float("ratio", 0.9f).In(F({3})).Outputs(2).All(),
              ElementsAre(F({3}), F({1})));
  EXPECT_THAT(Case("Dropout", 13)
                  .In(F({3}))
                  .In(F({}, {0.5f}))
                  .In(I({}, {1}, ElementType::kBool))
                  .Refused(ErrorCode::kUnsupported),
              HasSubstr("random"));
}

TEST(Fold, IntegersWrapAroundAsTheirType) {
  const auto add = [](ElementType type, int64_t a, int64_t b) {
    return Case("Add", 14).In(Of(type, {a})).In(Of(type, {b})).One().Integer(0);
  };
  EXPECT_EQ(add(ElementType::kInt8, 127, 1), -128);
  EXPECT_EQ(add(ElementType::kUint8, 255, 2), 1);
  EXPECT_EQ(add(ElementType::kInt16, 32767, 1), -32768);
  EXPECT_EQ(add(ElementType::kUint16, 65535, 1), 0);
  EXPECT_EQ(add(ElementType::kInt32, 2147483647, 1), -2147483648);
  EXPECT_EQ(add(ElementType::kUint32, 4294967295, 1), 0);
  EXPECT_EQ(add(ElementType::kInt64, kMost, 1), kLeast);
  EXPECT_THAT(Case("Add", 14)
                  .In(Of(ElementType::kUint64, {kMost}))
                  .In(Of(ElementType::kUint64, {1}))
                  .Refused(ErrorCode::kUnsupported),
              HasSubstr("uint64"));
  EXPECT_EQ(Case("Mul", 14).In(I({kMost})).In(I({kMost})).One(), I({1}));
  EXPECT_EQ(Case("Neg", 14).In(Of(ElementType::kInt8, {-128, 5})).One(),
            Of(ElementType::kInt8, {-128, -5}));
  EXPECT_EQ(Case("Abs", 14).In(I({kLeast, -3})).One(), I({kLeast, 3}));
  EXPECT_EQ(Case("ReduceSum", 13).In(Of(ElementType::kInt8, {100, 100})).One(),
            I({1}, {-56}, ElementType::kInt8));
}

TEST(Fold, Arithmetic) {
  EXPECT_EQ(Case("Div", 14).In(I({7, -7, 7, -7})).In(I({2, 2, -2, -2})).One(), I({3, -3, -3, 3}));
  EXPECT_EQ(Case("Div", 14).In(I({kLeast})).In(I({-1})).One(), I({kLeast}));
  EXPECT_THAT(Case("Div", 14).In(I({1, 2})).In(I({1, 0})).Refused(), HasSubstr("zero"));
  EXPECT_EQ(Case("Div", 14).In(F({1})).In(F({0})).One(), F({INFINITY}));
  EXPECT_EQ(Case("Mod", 13).In(I({7, -7, 7, -7})).In(I({3, 3, -3, -3})).One(), I({1, 2, -2, -1}));
  EXPECT_EQ(Case("Mod", 13).Int("fmod", 1).In(I({7, -7, 7, -7})).In(I({3, 3, -3, -3})).One(),
            I({1, -1, 1, -1}));
  EXPECT_EQ(Case("Mod", 13).In(I({kLeast})).In(I({-1})).One(), I({0}));
  EXPECT_THAT(Case("Mod", 13).In(I({1})).In(I({0})).Refused(), HasSubstr("zero"));
  EXPECT_THAT(Case("Mod", 13).In(F({1})).In(F({2})).Refused(), HasSubstr("fmod"));
  EXPECT_EQ(Case("Mod", 13).Int("fmod", 1).In(F({-5.5f})).In(F({2})).One(), F({-1.5f}));
  EXPECT_EQ(Case("Pow", 13).In(I({3, -2, 2})).In(I({4, 63, -1})).One(), I({81, kLeast, 0}));
  EXPECT_EQ(Case("Pow", 13).In(F({9, 2})).In(F({0.5f, -1})).One(), F({3, 0.5f}));
  EXPECT_EQ(Case("Pow", 13).In(I({9})).In(F({0.5f})).One(), I({3}));
  EXPECT_THAT(Case("Pow", 13).In(I({0})).In(I({-1})).Refused(), HasSubstr("power"));
  EXPECT_EQ(Case("Round", 13).In(F({0.5f, 1.5f, -2.5f, 2.4f})).One(), F({0, 2, -2, 2}));
  EXPECT_EQ(Case("Max", 13).In(I({1, 5})).In(I({}, {3})).In(I({2, 1}, {0, 4})).One(),
            I({2, 2}, {3, 5, 4, 5}));
  EXPECT_TRUE(std::isnan(Case("Min", 13).In(F({1})).In(F({NAN})).One().Float(0)));
  EXPECT_TRUE(std::isnan(Case("Min", 13).In(F({NAN})).In(F({1})).One().Float(0)));
  EXPECT_EQ(Case("Sign", 13).In(F({-3, 0, 2})).One(), F({-1, 0, 1}));
  EXPECT_EQ(Case("Sqrt", 13).In(F({4})).One(), F({2}));
  EXPECT_THAT(Case("Sqrt", 13).In(I({4})).Refused(), HasSubstr("takes floats, not int64 1"));
  EXPECT_THAT(Case("Add", 13).In(B({1})).In(B({1})).Refused(),
              HasSubstr("takes numbers, not bool"));
  EXPECT_THAT(Case("Add", 13).In(I({1})).In(F({1})).Refused(), HasSubstr("not int64 and float32"));
}

TEST(Fold, Clip) {
  EXPECT_EQ(Case("Clip", 6).Float("min", -1).Float("max", 2).In(F({-3, 1, 3})).One(),
            F({-1, 1, 2}));
  EXPECT_EQ(Case("Clip", 12).In(F({-3, 1, 3})).None().In(F({}, {2})).One(), F({-3, 1, 2}));
  EXPECT_EQ(Case("Clip", 12).In(I({-3, 1, 3})).In(I({}, {0})).One(), I({0, 1, 3}));
  EXPECT_EQ(Case("Clip", 12).In(F({1})).In(F({}, {5})).In(F({}, {2})).One(), F({2}));
  EXPECT_THAT(Case("Clip", 12).Float("min", 0).In(F({1})).Refused(ErrorCode::kUnsupported),
              HasSubstr("'min'"));
}

TEST(Fold, Broadcasting) {
  EXPECT_EQ(Case("Sub", 13).In(Counted({2, 3})).In(F({1, 2, 3})).One(),
            F({2, 3}, {-1, -1, -1, 2, 2, 2}));
  EXPECT_EQ(Case("Mul", 13).In(F({2, 1}, {2, 3})).In(F({1, 3}, {1, 10, 100})).One(),
            F({2, 3}, {2, 20, 200, 3, 30, 300}));
  EXPECT_EQ(Case("Add", 13).In(Counted({2, 1, 2})).In(F({3, 1}, {0, 10, 20})).One(),
            F({2, 3, 2}, {0, 1, 10, 11, 20, 21, 2, 3, 12, 13, 22, 23}));
  EXPECT_EQ(Case("Add", 13).In(F({}, {1})).In(F({}, {2})).One(), F({}, {3}));
  EXPECT_EQ(Case("Add", 13).In(F({0, 3}, {})).In(F({1, 1}, {2})).One(), F({0, 3}, {}));
  EXPECT_THAT(Case("Add", 13).In(Counted({2, 3})).In(Counted({2})).Refused(),
              HasSubstr("2x3 and 2"));
  EXPECT_EQ(Case("Less", 13).In(I({1, 2, 3})).In(I({}, {2})).One(), B({1, 0, 0}));
  EXPECT_EQ(Case("Equal", 13).In(B({1, 0})).In(B({1, 1})).One(), B({1, 0}));
  EXPECT_EQ(Case("Xor", 13).In(B({1, 0})).In(B({1, 1})).One(), B({0, 1}));
  EXPECT_EQ(Case("Not", 13).In(B({1, 0})).One(), B({0, 1}));
  EXPECT_THAT(Case("And", 13).In(I({1})).In(I({1})).Refused(), HasSubstr("takes bool"));
  EXPECT_EQ(Case("Where", 13)
                .In(I({2, 1}, {1, 0}, ElementType::kBool))
                .In(I({1, 2}))
                .In(I({}, {-1}))
                .One(),
            I({2, 2}, {1, 2, -1, -1}));
  EXPECT_EQ(Case("Expand", 13).In(F({2, 1}, {1, 2})).In(I({3, 1, 2})).One(),
            F({3, 2, 2}, {1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2}));
}

TEST(Fold, Conversions) {
  const auto cast = [](Constant input, int64_t to) {
    return Case("Cast", 13).Int("to", to).In(std::move(input));
  };
  using ::onnx::TensorProto;
  EXPECT_EQ(cast(F({1.9f, -1.9f}), TensorProto::INT64).One(), I({1, -1}));
  EXPECT_EQ(cast(F({-128.9f}), TensorProto::INT8).One(), Of(ElementType::kInt8, {-128}));
  EXPECT_THAT(cast(F({128}), TensorProto::INT8).Refused(), HasSubstr("128 is no int8"));
  EXPECT_THAT(cast(F({-1}), TensorProto::UINT8).Refused(), HasSubstr("no uint8"));
  EXPECT_EQ(cast(F({-0x1p63f}), TensorProto::INT64).One(), I({kLeast}));
  EXPECT_THAT(cast(F({0x1p63f}), TensorProto::INT64).Refused(), HasSubstr("no int64"));
  EXPECT_THAT(cast(F({NAN}), TensorProto::INT32).Refused(), HasSubstr("no int32"));
  EXPECT_EQ(cast(F({0.5f, 0, NAN}), TensorProto::BOOL).One(), B({1, 0, 1}));
  EXPECT_EQ(cast(I({2, 0}), TensorProto::BOOL).One(), B({1, 0}));
  EXPECT_EQ(cast(I({300, -1}), TensorProto::UINT8).One(), Of(ElementType::kUint8, {44, 255}));
  EXPECT_EQ(cast(B({1, 0}), TensorProto::DOUBLE).One(), F({1, 0}));
  // Halfway between two goes to the even one; subnormals and overflow.
  EXPECT_EQ(cast(F({2049, 2051, 65519, 65520, 0x1.8p-24f, 0x1p-26f}), TensorProto::FLOAT16).One(),
            F({2048, 2052, 65504, INFINITY, 0x1p-23f, 0}));
  EXPECT_EQ(cast(F({257, 259, -1.5f}), TensorProto::BFLOAT16).One(), F({256, 260, -1.5f}));
  EXPECT_THAT(cast(F({1}), TensorProto::STRING).Refused(ErrorCode::kUnsupported),
              HasSubstr("string"));
  EXPECT_THAT(cast(F({1}), kMost).Refused(ErrorCode::kUnsupported), HasSubstr("type"));
  EXPECT_THAT(Case("Cast", 13).In(F({1})).Refused(ErrorCode::kCorrupt), HasSubstr("no type"));
}

TEST(Fold, Quantization) {
  const auto scale = [](float value) { return F({}, {value}); };
  const auto zero = [](int64_t value, ElementType type) { return I({}, {value}, type); };
  EXPECT_EQ(Case("QuantizeLinear", 10).In(F({0.5f, 1.5f, 2.5f, -9, 999})).In(scale(1)).One(),
            Of(ElementType::kUint8, {0, 2, 2, 0, 255}));
  EXPECT_EQ(Case("QuantizeLinear", 13)
                .In(F({-999, 1, INFINITY}))
                .In(scale(0.5f))
                .In(zero(-3, ElementType::kInt8))
                .One(),
            Of(ElementType::kInt8, {-128, -1, 127}));
  EXPECT_EQ(Case("QuantizeLinear", 13)
                .In(F({1, 2, 2}, {1, 2, 3, 4}))
                .In(F({1, 2}))
                .In(Of(ElementType::kInt8, {0, 1}))
                .One(),
            I({1, 2, 2}, {1, 2, 3, 3}, ElementType::kInt8));
  EXPECT_EQ(Case("QuantizeLinear", 21)
                .Int("output_dtype", ::onnx::TensorProto::INT16)
                .In(F({-4e9f}))
                .In(scale(1))
                .One(),
            Of(ElementType::kInt16, {-32768}));
  EXPECT_THAT(Case("QuantizeLinear", 13).In(F({NAN})).In(scale(1)).Refused(),
              HasSubstr("not a number"));
  EXPECT_THAT(Case("QuantizeLinear", 21)
                  .Int("block_size", 2)
                  .In(F({1}))
                  .In(scale(1))
                  .Refused(ErrorCode::kUnsupported),
              HasSubstr("blocks"));
  EXPECT_EQ(Case("DequantizeLinear", 10)
                .In(Of(ElementType::kUint8, {0, 255}))
                .In(scale(0.5f))
                .In(zero(128, ElementType::kUint8))
                .One(),
            F({-64, 63.5f}));
  EXPECT_EQ(Case("DequantizeLinear", 13)
                .Int("axis", -2)
                .In(I({2, 2}, {1, 2, 3, 4}, ElementType::kInt32))
                .In(F({1, 10}))
                .One(),
            F({2, 2}, {1, 2, 30, 40}));
  EXPECT_THAT(Case("DequantizeLinear", 13)
                  .In(I({2, 2}, {1, 2, 3, 4}, ElementType::kInt8))
                  .In(F({1, 2, 3}))
                  .Refused(),
              HasSubstr("3 scales do not fit axis 1 of int8 2x2"));
  EXPECT_THAT(Case("DequantizeLinear", 13)
                  .In(Of(ElementType::kInt8, {1}))
                  .In(scale(1))
                  .In(zero(1, ElementType::kUint8))
                  .Refused(),
              HasSubstr("one type"));
  EXPECT_THAT(
      Case("DequantizeLinear", 13).In(I({1, 2}, {1, 2})).In(F({1, 2})).In(I({1}, {0})).Refused(),
      HasSubstr("zero-points"));
  // No scales at all, for no elements.
  EXPECT_EQ(Case("DequantizeLinear", 13).In(I({2, 0}, {}, ElementType::kInt8)).In(F({0}, {})).One(),
            F({2, 0}, {}));
}

}  // namespace
}  // namespace signum::onnx
