#include "format/accumulator_bounds.h"

#include <gmock/gmock.h>

namespace signum {
namespace {

using ::testing::HasSubstr;

// Input, optionally a quantizer and a flatten, and a linear layer of 8-bit codes
// whose row 1 sums to `row_sum`.
Graph OneLayer(int64_t row_sum, int input_bits) {
  const int64_t features = row_sum / 127 + 1;
  std::vector<int8_t> codes(2 * features);
  for (int64_t i = 0; i < features; ++i) {
    const int64_t left = row_sum - 127 * i;
    const auto code = static_cast<int8_t>(left > 127 ? 127 : left);
    codes[features + i] = static_cast<int8_t>(i % 2 == 0 ? code : -code);
  }
  Graph graph;
  NodeId x = graph.Add("input", InputOp{{1, features, 1, 1}}, {});
  if (input_bits > 0) {
    x = graph.Add("q", QuantizeOp{input_bits, 0}, {x}, {{"scale", Tensor::Filled({1}, 1)}});
  }
  x = graph.Add("flatten", FlattenOp{}, {x});
  graph.Add("fc", LinearOp{2, false, WeightQuantizer{8, true}}, {x},
            {{"weight", Tensor({2, features}, std::move(codes))},
             {"weight_scale", Tensor::Filled({2}, 1)}});
  return graph;
}

TEST(AccumulatorBounds, TheLargestSumThatFitsPassesAndOneMoreDoesNot) {
  for (const auto& [bits, largest] : {std::pair{0, 255}, {8, 255}, {7, 127}}) {
    const int64_t fits = 2147483647 / largest;
    const Graph good = OneLayer(fits, bits);
    ASSERT_TRUE(Verify(good).has_value()) << Verify(good).error().message;
    EXPECT_TRUE(CheckAccumulators(good).has_value()) << bits;
    const Status bad = CheckAccumulators(OneLayer(fits + 1, bits));
    ASSERT_FALSE(bad.has_value()) << bits;
    EXPECT_EQ(bad.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(bad.error().message, HasSubstr("node 'fc' (Linear): the sum of output channel 1"));
  }
}

TEST(AccumulatorBounds, CountsTheLowestCodeOfEightBits) {
  const auto all_lowest = [](int64_t features) {
    Graph graph = OneLayer(127 * (features - 1), 8);
    for (int8_t& code : graph.node(3).parameters.at("weight").codes()) code = -128;
    return graph;
  };
  const int64_t fits = 2147483647 / (255 * 128);
  ASSERT_TRUE(Verify(all_lowest(fits)).has_value());
  EXPECT_TRUE(CheckAccumulators(all_lowest(fits)).has_value());
  EXPECT_FALSE(CheckAccumulators(all_lowest(fits + 1)).has_value());
}

TEST(AccumulatorBounds, FewerInputBitsLeaveMoreRoom) {
  EXPECT_TRUE(CheckAccumulators(OneLayer(2147483647 / 255 + 1, 1)).has_value());
  EXPECT_TRUE(CheckAccumulators(OneLayer(2147483647 / 255 + 1, 4)).has_value());
}

TEST(AccumulatorBounds, FloatWeightsHaveNoAccumulator) {
  Graph graph;
  graph.Add("input", InputOp{{1, 3}}, {});
  graph.Add("fc", LinearOp{1, false, WeightQuantizer{}}, {0},
            {{"weight", Tensor::Filled({1, 3}, 1e30f)}});
  EXPECT_TRUE(CheckAccumulators(graph).has_value());
}

}  // namespace
}  // namespace signum
