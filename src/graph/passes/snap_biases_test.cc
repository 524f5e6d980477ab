#include "graph/passes/snap_biases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace signum {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

std::map<std::string, Tensor> Scale(float scale) {
  return {{"scale", Tensor({1}, std::vector<float>{scale})}};
}

// A linear layer of two inputs, with weight codes and one scale per output.
NodeId AddLinear(Graph& graph, NodeId input, std::vector<float> scales, std::vector<float> biases) {
  const auto outputs = static_cast<int64_t>(biases.size());
  LinearOp op{.output_features = outputs};
  op.weight_quantizer = WeightQuantizer{8, scales.size() > 1};
  const auto scale_count = static_cast<int64_t>(scales.size());
  return graph.Add(
      "linear", op, {input},
      {{"weight", Tensor({outputs, 2}, std::vector<int8_t>(static_cast<size_t>(2 * outputs), 1))},
       {"weight_scale", Tensor({scale_count}, std::move(scales))},
       {"bias", Tensor({outputs}, std::move(biases))}});
}

// input -> Quantize of `bits` and scale 0.5 -> linear.
Graph Network(int bits, std::vector<float> scales, std::vector<float> biases) {
  Graph graph;
  graph.Add("x", InputOp{{1, 2}}, {});
  graph.Add("quantize", QuantizeOp{bits, 0}, {0}, Scale(0.5f));
  AddLinear(graph, 1, std::move(scales), std::move(biases));
  EXPECT_TRUE(Verify(graph)) << Verify(graph).error().message;
  return graph;
}

std::span<const float> BiasOf(const Graph& graph) {
  return graph.node(graph.output()).Find("bias")->floats();
}

TEST(SnapBiases, RoundsToTheNearestUnitOfEachChannel) {
  const Graph snapped = SnapBiases(Network(8, {0.5f, 2}, {0.6f, -2.6f}));
  EXPECT_THAT(BiasOf(snapped), ElementsAre(0.5f, -3));  // units of 0.25 and 1
  EXPECT_THAT(BiasMultiples(snapped.node(2), {0.25f, 1}), Optional(ElementsAre(2, -3)));
  EXPECT_THAT(BiasOf(SnapBiases(Network(8, {0.5f}, {0.6f, -2.6f}))), ElementsAre(0.5f, -2.5f));
}

TEST(SnapBiases, ASecondTimeChangesNothing) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> exponent(-20, 20), mantissa(1, 2);
  for (int i = 0; i < 10'000; ++i) {
    const float scale = std::exp2(std::floor(exponent(random)) / 2) * mantissa(random);
    const float bias = std::exp2(std::floor(exponent(random))) * mantissa(random);
    const Graph once = SnapBiases(Network(8, {scale}, {bias}));
    const Graph twice = SnapBiases(once);
    ASSERT_EQ(BiasOf(once)[0], BiasOf(twice)[0]) << scale << " " << bias;
    const std::vector<float> units = AccumulatorScales(once.node(2), 0.5f);
    if (std::fabs(bias / units[0]) < 2e9f) {
      ASSERT_TRUE(BiasMultiples(once.node(2), units)) << scale << " " << bias;
      // And at most half a unit away, but for the rounding to float32.
      ASSERT_LE(std::fabs(double{BiasOf(once)[0]} - bias), units[0] * 0.5 + bias * 0x1p-24);
    }
  }
}

TEST(SnapBiases, BeyondInt32ItStays) {
  const Graph graph = Network(8, {0.5f, 1e-9f}, {0.6f, 100});
  const Graph snapped = SnapBiases(graph);
  EXPECT_THAT(BiasOf(snapped), ElementsAre(0.5f, 100));
  EXPECT_FALSE(BiasMultiples(snapped.node(2), AccumulatorScales(snapped.node(2), 0.5f)));
}

TEST(SnapBiases, WithoutAGridItStays) {
  EXPECT_THAT(BiasOf(SnapBiases(Network(1, {0.5f}, {0.6f, 1}))), ElementsAre(0.6f, 1));
  const Graph tiny = Network(8, {1e-38f}, {0.6f, 1});
  EXPECT_THAT(AccumulatorScales(tiny.node(2), 0.5f), IsEmpty());  // subnormal
  EXPECT_EQ(SnapBiases(tiny), tiny);

  Graph floats = Network(8, {0.5f}, {0.6f, 1});
  floats.node(2).parameters["weight"] = Tensor::Filled({2, 2}, 0.3f);
  EXPECT_EQ(SnapBiases(floats), floats);
}

// input {1, 2, 1, 1} -> two quantizers of these scales -> Concat -> Flatten -> linear.
Graph Joined(float first, float second, int second_zero_point) {
  Graph graph;
  graph.Add("x", InputOp{{1, 1, 1, 1}}, {});
  graph.Add("a", QuantizeOp{4, 8}, {0}, Scale(first));
  graph.Add("b", QuantizeOp{4, second_zero_point}, {0}, Scale(second));
  graph.Add("concat", ConcatOp{1}, {1, 2});
  graph.Add("flatten", FlattenOp{}, {3});
  AddLinear(graph, 4, {0.5f}, {0.6f});
  EXPECT_TRUE(Verify(graph)) << Verify(graph).error().message;
  return graph;
}

TEST(SnapBiases, ReadsThroughWhatMovesCodes) {
  EXPECT_THAT(BiasOf(SnapBiases(Joined(2, 2, 8))), ElementsAre(1));
  EXPECT_THAT(BiasOf(SnapBiases(Joined(2, 1, 8))), ElementsAre(0.6f));
  EXPECT_THAT(BiasOf(SnapBiases(Joined(2, 2, 7))), ElementsAre(0.6f));
}

}  // namespace
}  // namespace signum
