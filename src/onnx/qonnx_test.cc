// QONNX's operators against the arithmetic of its reference (quant.py, bipolar_quant.py,
// trunc.py).
#include <cmath>
#include <limits>

#include "onnx/layer.h"
#include "onnx/testing/node_importer.h"

namespace signum::onnx {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kQonnx = "qonnx.custom_op.general";

NodeText Quant(bool is_signed, bool narrow) {
  return NodeText("Quant", kQonnx)
      .Int("signed", is_signed ? 1 : 0)
      .Int("narrow", narrow ? 1 : 0)
      .String("rounding_mode", "ROUND");
}

// int_quant of qonnx/custom_op/general/quant.py.
float Reference(float x, float scale, float zero, int bits, bool is_signed, bool narrow) {
  float y = x / scale + zero;
  if (bits == 1 && is_signed) return ((y >= 0 ? 1.0f : -1.0f) - zero) * scale;
  const int half = 1 << (bits - 1);
  const int low = is_signed ? -half + (narrow ? 1 : 0) : 0;
  const int high = is_signed ? half - 1 : 2 * half - (narrow ? 2 : 1);
  y = std::min(std::max(y, static_cast<float>(low)), static_cast<float>(high));
  return (std::nearbyint(y) - zero) * scale;
}

std::vector<float> Samples() {
  std::vector<float> samples;
  for (int i = -1200; i <= 1200; ++i) samples.push_back(static_cast<float>(i) / 8);
  return samples;
}

TEST(Quant, OfAValueIsAQuantizer) {
  const std::vector<float> x = Samples();
  for (const int bits : {1, 2, 3, 4, 7, 8}) {
    for (const bool is_signed : {false, true}) {
      for (const bool narrow : {false, true}) {
        if (bits == 1 && narrow) continue;
        for (const float zero : {0.0f, 2.0f}) {
          if (zero != 0 && bits < 3) continue;
          SCOPED_TRACE(
              fmt::format("{} bits, signed {}, narrow {}, zero {}", bits, is_signed, narrow, zero));
          NodeImporter importer;
          const Value y =
              importer.Import(Quant(is_signed, narrow),
                              {importer.Input({1, static_cast<int64_t>(x.size())}), Scalar(0.5f),
                               Scalar(zero), Scalar(static_cast<float>(bits))});
          std::vector<float> expected;
          for (const float number : x) {
            expected.push_back(Reference(number, 0.5f, zero, bits, is_signed, narrow));
          }
          EXPECT_EQ(importer.Run(y, x), expected);
          EXPECT_THAT(importer.builder().notes(), IsEmpty());
          const bool clamps = narrow || (bits == 1 && !is_signed);
          EXPECT_EQ(OpsOf(importer.Finish(y)), clamps ? "Input Clamp Quantize" : "Input Quantize");
        }
      }
    }
  }
}

TEST(Quant, WithAnOddZeroPointDiffersAtTiesAlone) {
  const std::vector<float> x = Samples();
  NodeImporter importer;
  const Value y =
      importer.Import(Quant(false, false), {importer.Input({1, static_cast<int64_t>(x.size())}),
                                            Scalar(1.0f), Scalar(5.0f), Scalar(8.0f)});
  ASSERT_EQ(importer.builder().notes().size(), 1);
  EXPECT_THAT(importer.builder().notes()[0], HasSubstr("zero-point is odd"));
  const std::vector<float> got = importer.Run(y, x);
  for (size_t i = 0; i < x.size(); ++i) {
    const float expected = Reference(x[i], 1.0f, 5.0f, 8, false, false);
    const bool tie = std::abs(x[i] - std::floor(x[i])) == 0.5f;
    EXPECT_LE(std::abs(got[i] - expected), tie ? 1.0f : 0.0f) << x[i];
  }
}

TEST(Quant, MayHaveAScaleForEachChannel) {
  NodeImporter importer;
  const Value y = importer.Import(
      Quant(true, false),
      {importer.Input({1, 2, 1, 3}), Floats({1, 2, 1, 1}, {0.5f, 2.0f}), Scalar(0), Scalar(4)});
  EXPECT_THAT(importer.Run(y, {0.75f, 100, -100, 3, 100, -100}),
              ElementsAre(1, 3.5, -4, 4, 14, -16));
}

TEST(Quant, OfAConstantKeepsItsCodes) {
  NodeImporter importer;
  const Value x = Floats({2, 3}, {0.3f, -9, 9, 0.75f, -0.2f, 1.25f});
  const Value y =
      importer.Import(Quant(true, true), {x, Floats({2, 1}, {1.0f, 0.5f}), Scalar(0), Scalar(3)});
  EXPECT_THAT(y.constant->Floats(), ElementsAre(0, -3, 3, 1, 0, 1));
  ASSERT_NE(y.quantized, nullptr);
  EXPECT_THAT(y.quantized->codes->Integers(), ElementsAre(0, -3, 3, 2, 0, 2));
  EXPECT_THAT(y.quantized->scale, ElementsAre(1, 0.5));
  EXPECT_EQ(y.quantized->axis, 0);
  EXPECT_EQ(y.quantized->bits, 3);

  const auto layer = MakeLayerWeight(y, importer.builder());
  ASSERT_TRUE(layer.has_value());
  EXPECT_EQ(layer->quantizer, (WeightQuantizer{.bits = 3, .per_channel = true}));
}

TEST(Quant, OfABiasIsItsFloats) {
  NodeImporter importer;
  const Value y = importer.Import(Quant(true, false), {Floats({2}, {1.0f / 3, -5000}),
                                                       Scalar(1.0f / 1024), Scalar(0), Scalar(32)});
  EXPECT_THAT(y.constant->Floats(), ElementsAre(341.0f / 1024, -5000));
  EXPECT_EQ(y.quantized, nullptr);
}

TEST(Quant, IsKnownUnderItsFormerDomains) {
  for (const char* domain : {kQonnx, "finn.custom_op.general", "onnx.brevitas"}) {
    for (const char* op : {"Quant", "BipolarQuant", "Trunc"}) {
      EXPECT_NE(FindOperator(domain, op), nullptr) << domain << " " << op;
    }
  }
}

TEST(Quant, RefusesWhatHasNoKernels) {
  NodeImporter importer;
  const Value x = importer.Input({1, 4});
  const auto refusal = [&](NodeText text, float scale, float zero, float bits) {
    return importer.Refusal(text, {x, Scalar(scale), Scalar(zero), Scalar(bits)});
  };
  EXPECT_THAT(refusal(Quant(true, false), 1, 0, 16), HasSubstr("to 16 bits"));
  EXPECT_THAT(refusal(Quant(true, false), 1, 0, 2.5f), HasSubstr("a bit width of 2.5"));
  EXPECT_THAT(refusal(Quant(true, false), 0, 0, 4), HasSubstr("a scale of 0"));
  EXPECT_THAT(refusal(Quant(true, false), 1, 0.5f, 4), HasSubstr("a zero-point of 0.5"));
  EXPECT_THAT(refusal(Quant(true, false), 1, 8, 4), HasSubstr("none of the codes -8 to 7"));
  EXPECT_THAT(refusal(Quant(true, false), 1, 1, 1), HasSubstr("1 bit with a zero-point"));
  EXPECT_THAT(refusal(Quant(false, true), 1, 0, 1), HasSubstr("codes of one number"));
  EXPECT_THAT(refusal(NodeText("Quant", kQonnx).String("rounding_mode", "floor"), 1, 0, 4),
              HasSubstr("rounding mode FLOOR"));
  EXPECT_THAT(importer.Refusal(Quant(true, false), {x, x, Scalar(0), Scalar(4)}),
              HasSubstr("scale is computed"));
  EXPECT_THAT(
      importer.Refusal(Quant(true, false), {Floats({1}, {NAN}), Scalar(1), Scalar(0), Scalar(4)}),
      HasSubstr("a value of nan"));
}

TEST(BipolarQuant, IsASign) {
  NodeImporter importer;
  const NodeText text("BipolarQuant", kQonnx);
  const Value y = importer.Import(text, {importer.Input({1, 4}), Scalar(0.25f)});
  EXPECT_THAT(importer.Run(y, {-0.0f, -1e-30f, 0, 7}), ElementsAre(0.25, -0.25, 0.25, 0.25));
  EXPECT_EQ(OpsOf(importer.Finish(y)), "Input Quantize");

  const Value weight =
      importer.Import(text, {Floats({2, 2}, {-0.1f, 0, 3, -4}), Floats({2, 1}, {0.5f, 2})});
  EXPECT_THAT(weight.constant->Floats(), ElementsAre(-0.5, 0.5, 2, -2));
  EXPECT_THAT(weight.quantized->codes->Integers(), ElementsAre(-1, 1, 1, -1));
  EXPECT_EQ(weight.quantized->bits, 1);
}

TEST(BipolarQuant, TakesAShiftThatIsSubtractedBefore) {
  NodeImporter importer;
  const Value shifted = importer.Import(
      NodeText("Sub"), {importer.Input({1, 2, 1, 2}), Floats({2, 1, 1}, {0.5f, -1})});
  const Value y = importer.Import(NodeText("BipolarQuant", kQonnx), {shifted, Scalar(2)});
  const Graph graph = importer.Finish(y);
  EXPECT_EQ(OpsOf(graph), "Input Quantize");
  ASSERT_NE(graph.node(1).Find("shift"), nullptr);
  EXPECT_THAT(graph.node(1).Find("shift")->floats(), ElementsAre(0.5, -1));
  EXPECT_THAT(importer.Run(y, {0.5f, 0.4f, -1, -1.5f}), ElementsAre(2, -2, 2, -2));
}

// Values of `bits` bits with the scale, truncated to fewer.
void ExpectTrunc(bool is_signed, int bits, int output_bits, float scale) {
  SCOPED_TRACE(
      fmt::format("signed {}, {} to {} bits, scale {}", is_signed, bits, output_bits, scale));
  const int low = is_signed ? -(1 << (bits - 1)) : 0, count = 1 << bits;
  std::vector<float> x, expected;
  for (int y = low; y < low + count; ++y) {
    x.push_back(scale * static_cast<float>(y));
    expected.push_back(scale * static_cast<float>(y >> (bits - output_bits)));
  }
  NodeImporter importer;
  Value value = importer.Input({1, count});
  // An input counts as never negative; a sum with a negative number does not.
  if (is_signed) value = importer.Import(NodeText("Add"), {value, Floats({1, 1}, {0})});
  const Value y =
      importer.Import(NodeText("Trunc", kQonnx).String("rounding_mode", "FLOOR"),
                      {value, Scalar(scale), Scalar(0), Scalar(static_cast<float>(bits)),
                       Scalar(static_cast<float>(output_bits))});
  EXPECT_EQ(importer.Run(y, x), expected);
}

TEST(Trunc, DropsTheLowestBits) {
  for (const float scale : {1.0f, 0.125f, 0.3f, 0.0117f}) {
    for (const bool is_signed : {false, true}) {
      for (const int bits : {8, 10, 12}) {
        for (const int output_bits : {4, 7, 8}) ExpectTrunc(is_signed, bits, output_bits, scale);
      }
    }
  }
}

TEST(Trunc, OfTheSecondVersionHasTheScaleOfItsResult) {
  NodeImporter importer;
  const Value y = importer.Import(
      NodeText("Trunc", kQonnx).Int("signed", 1).Int("narrow", 0).String("rounding_mode", "FLOOR"),
      {importer.Input({1, 6}), Scalar(0.5f), Scalar(0), Scalar(8), Scalar(2.0f), Scalar(4)});
  // In steps: -9, -8, 3, 4, 100, -100; a quarter of them, within -8 to 7.
  EXPECT_THAT(importer.Run(y, {-4.5f, -4, 1.5f, 2, 50, -50}), ElementsAre(-6, -4, 0, 2, 14, -16));
}

TEST(Trunc, RefusesOtherRoundings) {
  NodeImporter importer;
  const Value x = importer.Input({1, 4});
  const auto refusal = [&](const char* mode, float zero, float bits, float output_bits) {
    return importer.Refusal(NodeText("Trunc", kQonnx).String("rounding_mode", mode),
                            {x, Scalar(1), Scalar(zero), Scalar(bits), Scalar(output_bits)});
  };
  EXPECT_EQ(refusal("FLOOR", 0, 8, 4), "accepted");
  EXPECT_THAT(refusal("ROUND", 0, 8, 4), HasSubstr("rounding mode ROUND"));
  EXPECT_THAT(refusal("CEIL", 0, 8, 8), HasSubstr("rounding mode CEIL"));
  EXPECT_THAT(refusal("FLOOR", 1, 8, 4), HasSubstr("zero-point"));
  EXPECT_THAT(refusal("FLOOR", 0, 4, 8), HasSubstr("drops -4 bits"));
  EXPECT_THAT(refusal("FLOOR", 0, 16, 12), HasSubstr("to 12 bits"));
}

}  // namespace
}  // namespace signum::onnx
