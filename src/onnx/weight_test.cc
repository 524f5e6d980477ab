#include <limits>
#include <random>

#include "graph/parameters.h"
#include "onnx/layer.h"
#include "onnx/testing/node_importer.h"

namespace signum::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Value Codes(ElementType type, std::vector<int64_t> sizes, const std::vector<int64_t>& codes,
            std::vector<float> scale, std::vector<int64_t> zero_point, int bits = 8, int axis = 0) {
  QuantizedConstant quantized{Integers(type, sizes, codes).constant, std::move(scale),
                              std::move(zero_point), axis, bits};
  int64_t inner = 1;
  for (size_t i = axis + 1; i < sizes.size(); ++i) inner *= sizes[i];
  std::vector<float> floats;
  for (size_t i = 0; i < codes.size(); ++i) {
    const size_t index =
        static_cast<size_t>(static_cast<int64_t>(i) / inner) % quantized.scale.size();
    floats.push_back(quantized.scale[index] *
                     static_cast<float>(codes[i] - quantized.zero_point[index]));
  }
  Value value = Floats(std::move(sizes), std::move(floats));
  value.quantized = std::make_shared<const QuantizedConstant>(std::move(quantized));
  return value;
}

// The layer's weight, which must stand for the constant's floats.
LayerWeight Made(const Value& weight, std::string* note = nullptr) {
  NodeImporter importer;
  auto layer = MakeLayerWeight(weight, importer.builder());
  if (!layer) {
    ADD_FAILURE() << layer.error().message;
    return {};
  }
  const auto& notes = importer.builder().notes();
  if (note == nullptr) {
    EXPECT_THAT(notes, IsEmpty());
  } else {
    *note = notes.empty() ? "" : notes[0];
  }
  Node node{"layer", ConvolutionOp{.weight_quantizer = layer->quantizer}, {}, {}};
  node.parameters.emplace("weight", layer->weight);
  if (layer->scale) node.parameters.emplace("weight_scale", *layer->scale);
  const Tensor floats = FloatWeight(node);
  EXPECT_EQ(std::vector<float>(floats.floats().begin(), floats.floats().end()),
            weight.constant->Floats());
  return *std::move(layer);
}

TEST(LayerWeight, IsTheCodesOfTheFile) {
  const LayerWeight layer =
      Made(Codes(ElementType::kInt8, {2, 3}, {1, 2, -128, 127, 0, 5}, {0.5f, 2.0f}, {0, 0}));
  EXPECT_THAT(layer.weight.codes(), ElementsAre(1, 2, -128, 127, 0, 5));
  EXPECT_EQ(layer.quantizer, (WeightQuantizer{.bits = 8, .per_channel = true}));
  EXPECT_THAT(layer.scale->floats(), ElementsAre(0.5, 2));
}

TEST(LayerWeight, TakesZeroPointsOffItsCodes) {
  const LayerWeight layer =
      Made(Codes(ElementType::kUint8, {2, 2}, {0, 255, 10, 20}, {0.5f}, {128}));
  EXPECT_THAT(layer.weight.codes(), ElementsAre(-128, 127, -118, -108));
  EXPECT_EQ(layer.quantizer, (WeightQuantizer{.bits = 8, .per_channel = false}));
  EXPECT_EQ(layer.scale->shape(), Shape{1});
}

TEST(LayerWeight, IsFloatsWhereTheCodesDoNotFit) {
  std::string note;
  LayerWeight layer = Made(Codes(ElementType::kUint8, {1, 3}, {0, 255, 10}, {0.5f}, {100}), &note);
  EXPECT_FALSE(layer.quantizer);
  EXPECT_FALSE(layer.scale);
  EXPECT_THAT(note, HasSubstr("do not fit 8 bits"));

  layer = Made(Codes(ElementType::kInt8, {2, 2}, {1, 2, 3, 4}, {1, 2}, {0, 0}, 8, 1), &note);
  EXPECT_FALSE(layer.quantizer);
  EXPECT_THAT(note, HasSubstr("do not belong to the output channels"));

  layer = Made(Codes(ElementType::kInt32, {2, 2}, {1, 2, 3, 4}, {1}, {0}, 32), &note);
  EXPECT_FALSE(layer.quantizer);
  EXPECT_THAT(note, HasSubstr("32 bits"));
}

TEST(LayerWeight, HasTheBitsThatItsCodesNeed) {
  // The lowest code of 4 bits and unsigned ones need a bit more.
  const auto bits = [](std::vector<int64_t> codes, int stated) {
    return Made(Codes(ElementType::kInt8, {1, 3}, codes, {1}, {0}, stated)).quantizer->bits;
  };
  EXPECT_EQ(bits({-7, 7, 1}, 4), 4);
  EXPECT_EQ(bits({-8, 7, 1}, 4), 5);
  EXPECT_EQ(bits({0, 15, 1}, 4), 5);
  EXPECT_EQ(bits({0, 1, 2}, 4), 4);
}

TEST(LayerWeight, IsOneBitWhereCodesAreTwoOppositeNumbers) {
  LayerWeight layer =
      Made(Codes(ElementType::kInt8, {2, 2}, {3, -3, -127, 127}, {0.5f, 2.0f}, {0, 0}));
  EXPECT_EQ(layer.quantizer, (WeightQuantizer{.bits = 1, .per_channel = true}));
  EXPECT_THAT(layer.weight.codes(), ElementsAre(1, -1, -1, 1));
  EXPECT_THAT(layer.scale->floats(), ElementsAre(1.5, 254));

  layer = Made(Codes(ElementType::kInt8, {2, 2}, {1, -1, 1, 1}, {0.5f}, {0}));
  EXPECT_EQ(layer.quantizer, (WeightQuantizer{.bits = 1, .per_channel = false}));
  EXPECT_THAT(layer.scale->floats(), ElementsAre(0.5));

  layer = Made(Codes(ElementType::kInt8, {2, 2}, {1, -1, 2, 2}, {0.5f}, {0}));
  EXPECT_EQ(layer.quantizer, (WeightQuantizer{.bits = 1, .per_channel = true}));
  EXPECT_THAT(layer.scale->floats(), ElementsAre(0.5, 1));
}

TEST(LayerWeight, IsNotOneBitWhereItMayBeByChance) {
  for (const std::vector<int64_t>& codes :
       {std::vector<int64_t>{1, 1, 1, 1}, {1, -1, 0, 0}, {1, -1, 1, 2}, {1, -1, 0, 1}}) {
    const Value weight = Codes(ElementType::kInt8, {2, 2}, codes, {1}, {0});
    EXPECT_EQ(Made(weight).quantizer->bits, 8);
    const Value floats = Value::Of(*weight.constant);
    EXPECT_FALSE(Made(floats).quantizer);
  }
  EXPECT_EQ(Made(Codes(ElementType::kInt8, {2, 1}, {1, -1}, {1}, {0})).quantizer->bits, 8);
  EXPECT_EQ(Made(Codes(ElementType::kInt8, {2, 1}, {1, -1}, {1}, {0}, 1)).quantizer->bits, 1);
}

TEST(LayerWeight, IsOneBitWhereFloatsAreTwoOppositeNumbers) {
  const LayerWeight layer = Made(Floats({2, 2, 1, 1}, {0.1f, -0.1f, 0.7f, 0.7f}));
  EXPECT_EQ(layer.quantizer, (WeightQuantizer{.bits = 1, .per_channel = true}));
  EXPECT_THAT(layer.scale->floats(), ElementsAre(0.1f, 0.7f));
  EXPECT_FALSE(Made(Floats({1, 3}, {0.1f, -0.1f, 0.2f})).quantizer);
}

TEST(LayerWeight, RefusesScalesAndWeightsThatAreNoNumbers) {
  NodeImporter importer;
  const auto refusal = [&](const Value& weight) {
    const auto layer = MakeLayerWeight(weight, importer.builder());
    return layer ? "accepted" : layer.error().message;
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refusal(Codes(ElementType::kInt8, {1, 2}, {1, 2}, {0}, {0})),
              HasSubstr("a weight scale of 0"));
  EXPECT_THAT(refusal(Codes(ElementType::kInt8, {1, 2}, {1, 2}, {-1}, {0})),
              HasSubstr("a weight scale of -1"));
  EXPECT_THAT(refusal(Floats({1, 2}, {1, nan})), HasSubstr("a weight of nan"));
  EXPECT_THAT(refusal(Floats({0, 2}, {})), HasSubstr("empty weight"));
}

TEST(TransposedConstant, MovesCodesAndTheirAxisAlong) {
  const Value weight =
      Codes(ElementType::kInt8, {2, 3}, {1, 2, 3, 4, 5, 6}, {1, 10, 100}, {0, 0, 0}, 8, 1);
  FoldBudget budget{1000};
  const Value turned = *TransposedConstant(weight, {1, 0}, budget);
  EXPECT_THAT(turned.sizes, ElementsAre(3, 2));
  EXPECT_THAT(turned.constant->Floats(), ElementsAre(1, 4, 20, 50, 300, 600));
  EXPECT_THAT(turned.quantized->codes->Integers(), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_EQ(turned.quantized->codes->type, ElementType::kInt8);
  EXPECT_EQ(turned.quantized->axis, 0);
  EXPECT_THAT(Made(turned).scale->floats(), ElementsAre(1, 10, 100));
}

TEST(TransposedConstant, TakesAnyOrderOfAxes) {
  const std::vector<int64_t> sizes = {2, 3, 4, 5};
  std::vector<float> floats(120);
  for (size_t i = 0; i < floats.size(); ++i) floats[i] = static_cast<float>(i);
  const std::vector<int> permutation = {2, 0, 3, 1};
  FoldBudget budget{1000};
  const Value turned = *TransposedConstant(Floats(sizes, floats), permutation, budget);
  EXPECT_THAT(turned.sizes, ElementsAre(4, 2, 5, 3));
  for (int64_t i = 0; i < 120; ++i) {
    const int64_t d = i % 3, c = i / 3 % 5, b = i / 15 % 2, a = i / 30;
    EXPECT_EQ(turned.constant->Float(i), static_cast<float>(((b * 3 + d) * 4 + a) * 5 + c));
  }
}

}  // namespace
}  // namespace signum::onnx
