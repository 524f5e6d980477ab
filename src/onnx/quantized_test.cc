// QuantizeLinear, DequantizeLinear and what they do to integers, imported and run.
#include <cmath>
#include <random>

#include "onnx/quantize.h"
#include "onnx/testing/node_importer.h"

namespace signum::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

const NodeText kQuantize("QuantizeLinear"), kDequantize("DequantizeLinear");

Value Uint8(int64_t number) { return Integers(ElementType::kUint8, {}, {number}); }
Value Int8(int64_t number) { return Integers(ElementType::kInt8, {}, {number}); }

TEST(QuantizeLinear, RoundsHalfToEvenAndAddsTheZeroPointAfter) {
  const std::vector<float> x = {-3, -1, 0, 1, 3, 5, -600, 600};
  for (const bool is_signed : {false, true}) {
    for (const int64_t zero : {0, 1, 77, 127}) {
      NodeImporter importer;
      const Value y = importer.Import(
          kQuantize, {importer.Input({1, 8}), Scalar(2.0f), is_signed ? Int8(zero) : Uint8(zero)});
      EXPECT_EQ(y.encoding, (IntegerEncoding{2.0f, zero}));
      const IntegerRange range = RangeOf(y.type);
      std::vector<float> expected;
      for (const float number : x) {
        const auto integer = static_cast<int64_t>(std::nearbyint(number / 2)) + zero;
        expected.push_back(static_cast<float>(std::clamp(integer, range.lowest, range.highest)));
      }
      EXPECT_EQ(importer.Run(y, x), expected);
    }
  }
}

TEST(QuantizeLinear, GivesUint8WithoutAZeroPoint) {
  NodeImporter importer;
  const Value y = importer.Import(kQuantize, {importer.Input({1, 2}), Scalar(1.0f)});
  EXPECT_EQ(y.type, ElementType::kUint8);
  EXPECT_EQ(OpsOf(importer.Finish(GraphBuilder::Decoded(y))), "Input Quantize");
}

// ONNX's own example, test_quantizelinear_axis.
TEST(QuantizeLinear, HasScalesAlongAnAxis) {
  NodeImporter importer;
  const Value y = importer.Import(kQuantize, {importer.Input({1, 3, 3, 2}), Floats({3}, {2, 4, 5}),
                                              Integers(ElementType::kUint8, {3}, {84, 24, 196})});
  EXPECT_FALSE(y.encoding);
  EXPECT_EQ(y.type, ElementType::kUint8);
  EXPECT_THAT(
      importer.Run(y, {-162, 10, -100, 232, -20, -50, -76, 0, 0, 252, 32, -44, 245, -485, -960,
                       -270, -375, -470}),
      ElementsAre(3, 89, 34, 200, 74, 59, 5, 24, 24, 87, 32, 13, 245, 99, 4, 142, 121, 102));
}

TEST(QuantizeLinear, IsExactAlongAnAxisForZeroPointsOfAnyParity) {
  const std::vector<float> scales = {0.5f, 0.25f, 3.0f, 0.7f};
  const std::vector<int64_t> zeros = {-128, 3, 4, 127};
  NodeImporter importer;
  const Value y = importer.Import(
      NodeText("QuantizeLinear").Int("axis", -1),
      {importer.Input({1, 5, 4}), Floats({4}, scales), Integers(ElementType::kInt8, {4}, zeros)});
  std::mt19937 random(5);
  std::vector<float> x, expected;
  for (int i = 0; i < 2 * 5 * 4; ++i) {
    x.push_back(static_cast<float>(std::uniform_int_distribution<int>(-400, 400)(random)) / 8);
    const double steps = std::nearbyint(x.back() / scales[i % 4]);
    expected.push_back(
        static_cast<float>(std::clamp(steps + static_cast<double>(zeros[i % 4]), -128.0, 127.0)));
  }
  EXPECT_EQ(importer.Run(y, x, 2), expected);
}

TEST(QuantizeLinear, IsNothingForValuesThatAreQuantizedSoAlready) {
  NodeImporter importer;
  Value x = importer.Import(kQuantize, {importer.Input({1, 2, 4, 4}), Scalar(0.5f), Uint8(3)});
  x = importer.Import(kDequantize, {x, Scalar(0.5f), Uint8(3)});
  x = importer.Import(NodeText("MaxPool").Ints("kernel_shape", {2, 2}), {x});
  x = importer.Import(kQuantize, {x, Scalar(0.5f), Uint8(3)});
  EXPECT_EQ(OpsOf(importer.Finish(GraphBuilder::Decoded(x))), "Input Quantize MaxPool");
  x = importer.Import(kQuantize, {GraphBuilder::Decoded(x), Scalar(0.5f), Uint8(4)});
  EXPECT_EQ(OpsOf(importer.Finish(GraphBuilder::Decoded(x))), "Input Quantize MaxPool Quantize");
}

TEST(QuantizeLinear, RefusesWhatHasNoKernels) {
  NodeImporter importer;
  const Value x = importer.Input({1, 3});
  EXPECT_THAT(importer.Refusal(kQuantize, {x, Scalar(1), Integers(ElementType::kInt16, {}, {0})}),
              HasSubstr("quantizes to int16; int8 and uint8 are possible"));
  EXPECT_THAT(importer.Refusal(kQuantize, {x, Scalar(0)}), HasSubstr("a scale of 0"));
  EXPECT_THAT(importer.Refusal(kQuantize, {x, Scalar(NAN)}), HasSubstr("a scale of nan"));
  EXPECT_THAT(importer.Refusal(kQuantize, {x, x}), HasSubstr("scale is computed by the network"));
  EXPECT_THAT(importer.Refusal(kQuantize, {x, Floats({2}, {1, 2})}),
              HasSubstr("2 scales for axis 1 of a tensor of 1x3"));
  EXPECT_THAT(importer.Refusal(kQuantize, {x, Floats({3}, {1, 2, 3}),
                                           Integers(ElementType::kUint8, {2}, {1, 2})}),
              HasSubstr("3 scales and 2 zero-points"));
  EXPECT_THAT(importer.Refusal(NodeText("QuantizeLinear").Int("block_size", 2), {x, Scalar(1)}),
              HasSubstr("block_size"));
}

TEST(DequantizeLinear, OfIntegersWithItsOwnNumbersIsTheirFloats) {
  NodeImporter importer;
  const Value codes = importer.Import(kQuantize, {importer.Input({1, 4}), Scalar(0.5f), Int8(-3)});
  const int32_t nodes = importer.builder().graph().size();
  const Value x = importer.Import(kDequantize, {codes, Scalar(0.5f), Int8(-3)});
  EXPECT_EQ(importer.builder().graph().size(), nodes);
  EXPECT_FALSE(x.is_integer());
  EXPECT_THAT(importer.Run(x, {0.2f, 0.25f, 100, -1}), ElementsAre(0, 0, 65, -1));
}

TEST(DequantizeLinear, OfIntegersWithOtherNumbersIsExact) {
  NodeImporter importer;
  const Value codes = importer.Import(kQuantize, {importer.Input({1, 4}), Scalar(0.3f), Int8(-3)});
  const Value x = importer.Import(kDequantize, {codes, Scalar(2.0f), Int8(1)});
  EXPECT_THAT(importer.Run(x, {0.0f, 0.3f, 100, -100}), ElementsAre(-8, -6, 252, -258));
}

TEST(DequantizeLinear, OfIntegersFromOutsideIsAQuantizerForTheNextLayer) {
  for (const ElementType type : {ElementType::kUint8, ElementType::kInt8}) {
    NodeImporter importer;
    const IntegerRange range = RangeOf(type);
    const Value input = importer.Input({1, 256}, type);
    const Value x = importer.Import(kDequantize,
                                    {input, Scalar(0.1f), Integers(type, {}, {range.lowest + 13})});
    std::vector<float> integers, expected;
    for (int64_t i = range.lowest; i <= range.highest; ++i) {
      integers.push_back(static_cast<float>(i));
      expected.push_back(0.1f * static_cast<float>(i - range.lowest - 13));
    }
    EXPECT_EQ(OpsOf(importer.Finish(x)), "Input Constant Subtract Constant Multiply Quantize");
    EXPECT_EQ(importer.Run(x, integers), expected);
  }
}

TEST(DequantizeLinear, HasScalesAlongAnAxis) {
  NodeImporter importer;
  const Value x = importer.Import(
      kDequantize, {importer.Input({1, 2, 2}, ElementType::kUint8), Floats({2}, {0.5f, 2.0f}),
                    Integers(ElementType::kUint8, {2}, {1, 200})});
  EXPECT_THAT(importer.Run(x, {0, 255, 255, 1}), ElementsAre(-0.5, 127, 110, -398));
}

TEST(DequantizeLinear, OfSumsMultiplies) {
  NodeImporter importer;
  const Value x =
      importer.Import(kDequantize, {importer.Input({1, 3}, ElementType::kInt32), Scalar(0.25f)});
  EXPECT_THAT(importer.Run(x, {-5, 0, 4000}), ElementsAre(-1.25, 0, 1000));
  EXPECT_EQ(OpsOf(importer.Finish(x)), "Input Constant Multiply");
}

TEST(DequantizeLinear, OfAConstantRemembersItsCodes) {
  NodeImporter importer;
  const Value codes = Integers(ElementType::kUint8, {2, 3}, {0, 1, 255, 3, 4, 5});
  const Value x = importer.Import(kDequantize, {codes, Floats({3}, {1, 2, 0.5f}),
                                                Integers(ElementType::kUint8, {3}, {1, 0, 128})});
  EXPECT_THAT(x.constant->Floats(), ElementsAre(-1, 2, 63.5, 2, 8, -61.5));
  ASSERT_NE(x.quantized, nullptr);
  EXPECT_EQ(*x.quantized->codes, *codes.constant);
  EXPECT_THAT(x.quantized->scale, ElementsAre(1, 2, 0.5));
  EXPECT_THAT(x.quantized->zero_point, ElementsAre(1, 0, 128));
  EXPECT_EQ(x.quantized->axis, 1);
  EXPECT_EQ(x.quantized->bits, 8);

  const Value bias = importer.Import(
      kDequantize, {Integers(ElementType::kInt32, {1}, {2147483647}), Scalar(0.5f)});
  EXPECT_THAT(bias.constant->Floats(), ElementsAre(1073741824.0f));
  EXPECT_EQ(bias.quantized->bits, 32);
  EXPECT_THAT(importer.Refusal(kDequantize, {Floats({1}, {1}), Scalar(1)}),
              HasSubstr("has to be integers"));
}

// Quantizes to 8 bits and clips the integers.
std::vector<float> Clipped(ElementType type, int64_t zero, int64_t low, int64_t high,
                           const std::vector<float>& x, std::string* ops) {
  NodeImporter importer;
  const auto count = static_cast<int64_t>(x.size());
  const Value codes = importer.Import(
      kQuantize, {importer.Input({1, count}), Scalar(0.3f), Integers(type, {}, {zero})});
  const Value clipped = *ClampIntegers(codes, low, high, importer.builder());
  EXPECT_EQ(clipped.type, type);
  EXPECT_EQ(clipped.encoding, codes.encoding);
  *ops = OpsOf(importer.Finish(GraphBuilder::Decoded(clipped)));
  return importer.Run(clipped, x);
}

TEST(ClampIntegers, IsAQuantizerOfFewerBitsOrAClamp) {
  struct Case {
    ElementType type;
    int64_t zero, low, high;
    const char* ops;
  };
  const std::vector<Case> cases = {
      {ElementType::kUint8, 0, 0, 15, "Input Quantize"},
      {ElementType::kUint8, 9, 8, 11, "Input Quantize"},
      {ElementType::kInt8, 0, -8, 7, "Input Quantize"},
      {ElementType::kInt8, -1, -64, 63, "Input Quantize"},
      {ElementType::kInt8, 5, -128, 127, "Input Quantize"},
      {ElementType::kInt8, 5, -1000, 1000, "Input Quantize"},
      {ElementType::kInt8, 0, -127, 127, "Input Clamp Quantize"},
      {ElementType::kUint8, 3, 0, 1, "Input Clamp Quantize"},
      {ElementType::kUint8, 100, 0, 15, "Input Clamp Quantize"},
      {ElementType::kUint8, 3, 20, 20, "Input Clamp Quantize"},
  };
  std::vector<float> x;
  for (int i = -140; i <= 270; ++i) x.push_back(0.3f * (static_cast<float>(i) + 0.25f));
  for (const Case& test : cases) {
    const IntegerRange range = RangeOf(test.type);
    std::vector<float> expected;
    for (int i = -140; i <= 270; ++i) {
      const int64_t integer = std::clamp(i + test.zero, range.lowest, range.highest);
      expected.push_back(static_cast<float>(std::clamp(integer, std::max(test.low, range.lowest),
                                                       std::min(test.high, range.highest))));
    }
    std::string ops;
    SCOPED_TRACE(fmt::format("zero-point {}, {} to {}", test.zero, test.low, test.high));
    EXPECT_THAT(Clipped(test.type, test.zero, test.low, test.high, x, &ops),
                ElementsAreArray(expected));
    EXPECT_EQ(ops, test.ops);
  }
}

TEST(ClampIntegers, IsWhatClipDoesBetweenTwoQuantizers) {
  NodeImporter importer;
  Value x = importer.Import(kQuantize, {importer.Input({1, 4}), Scalar(1.0f), Uint8(0)});
  x = importer.Import(NodeText("Clip"), {x, Uint8(0), Uint8(3)});
  x = importer.Import(kDequantize, {x, Scalar(1.0f), Uint8(0)});
  EXPECT_THAT(importer.Run(x, {-1, 1, 2.6f, 9}), ElementsAre(0, 1, 3, 3));
  const Graph graph = importer.Finish(x);
  EXPECT_EQ(OpsOf(graph), "Input Quantize");
  EXPECT_EQ(std::get<QuantizeOp>(graph.node(1).op), (QuantizeOp{.bits = 2, .zero_point = 0}));
}

}  // namespace
}  // namespace signum::onnx
