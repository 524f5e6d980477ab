#include "graph/passes/equalize_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace signum {
namespace {

// 1 -> 2 channels by 1x1, `between`, 2 -> 1.
Graph TwoLayers(Op between, std::vector<float> first, std::vector<float> second) {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 1, 2, 2}}, {});
  const NodeId a = g.Add("a", ConvolutionOp{.output_channels = 2}, {x},
                         {{"weight", Tensor({2, 1, 1, 1}, std::move(first))},
                          {"bias", Tensor({2}, std::vector<float>{1, 2})}});
  const NodeId middle = g.Add("between", std::move(between), {a});
  g.Add("b", ConvolutionOp{.output_channels = 1, .bias = false}, {middle},
        {{"weight", Tensor({1, 2, 1, 1}, std::move(second))}});
  return g;
}

TEST(EqualizeLayers, GivesBothSidesOfAChannelTheSameRange) {
  const Graph g = EqualizeLayers(TwoLayers(ActivationOp{}, {8, -1}, {2, 0.25f}));
  ASSERT_TRUE(Verify(g));
  // s = sqrt(8 * 2) / 2 = 2 and sqrt(1 * .25) / .25 = 2.
  EXPECT_THAT(g.node(1).Find("weight")->floats(), testing::ElementsAre(4, -0.5f));
  EXPECT_THAT(g.node(1).Find("bias")->floats(), testing::ElementsAre(0.5f, 1));
  EXPECT_THAT(g.node(3).Find("weight")->floats(), testing::ElementsAre(4, 0.5f));
}

TEST(EqualizeLayers, LeavesAloneWhatDoesNotScale) {
  for (const Op& between : {Op(ActivationOp{ActivationKind::kRelu6}),
                            Op(ActivationOp{ActivationKind::kTanh}), Op(QuantizeOp{})}) {
    Graph g = TwoLayers(between, {8, -1}, {2, 0.25f});
    if (std::holds_alternative<QuantizeOp>(between)) {
      g.node(2).parameters["scale"] = Tensor::Filled({1}, 1);
    }
    EXPECT_EQ(EqualizeLayers(g), g) << OpName(between);
  }
  const Graph empty = TwoLayers(ActivationOp{}, {0, 0}, {2, 0});
  EXPECT_EQ(EqualizeLayers(empty), empty);
  // A value that somebody else reads, too.
  Graph shared = TwoLayers(ActivationOp{}, {8, -1}, {2, 0.25f});
  shared.Add("sum", AddOp{}, {2, 2});
  EXPECT_EQ(EqualizeLayers(shared), shared);
}

TEST(EqualizeLayers, KnowsDepthwiseAndFlattenedChannels) {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 2, 2, 1}}, {});
  const NodeId a = g.Add("a", ConvolutionOp{.output_channels = 2, .groups = 2, .bias = false}, {x},
                         {{"weight", Tensor({2, 1, 1, 1}, std::vector<float>{4, 1})}});
  const NodeId b = g.Add("b", ConvolutionOp{.output_channels = 2, .groups = 2, .bias = false}, {a},
                         {{"weight", Tensor({2, 1, 1, 1}, std::vector<float>{1, 1})}});
  const NodeId flat = g.Add("flat", FlattenOp{}, {b});
  g.Add("c", LinearOp{.output_features = 1, .bias = false}, {flat},
        {{"weight", Tensor({1, 4}, std::vector<float>{2, 1, 1, -8})}});
  const Graph equal = EqualizeLayers(g);
  ASSERT_TRUE(Verify(equal));
  // Each channel's product of ranges, 4 * 1 * 2 and 1 * 1 * 8, in three equal parts.
  for (NodeId id : {a, b}) {
    for (float w : equal.node(id).Find("weight")->floats()) EXPECT_NEAR(w, 2, 0.01);
  }
  EXPECT_NEAR(equal.node(4).Find("weight")->floats()[0], 2, 0.01);
  EXPECT_NEAR(equal.node(4).Find("weight")->floats()[1], 1, 0.01);
  EXPECT_NEAR(equal.node(4).Find("weight")->floats()[3], -2, 0.01);
}

}  // namespace
}  // namespace signum
