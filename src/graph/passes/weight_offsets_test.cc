#include "graph/passes/weight_offsets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/passes/fold_batch_norm.h"

namespace signum {
namespace {

using ::testing::ElementsAre;

// input -> convolution of two channels with codes -> batch norm with factors 2 and -4.
Graph Network() {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 3, 5, 5}}, {});
  const ConvolutionOp op{.output_channels = 2,
                         .window = {.kernel = {3, 3}, .padding = Padding::All(1)},
                         .bias = false,
                         .weight_quantizer = WeightQuantizer{1, false}};
  const NodeId conv = g.Add("conv", op, {x},
                            {{"weight", Tensor({2, 3, 3, 3}, std::vector<int8_t>(54, -1))},
                             {"weight_scale", Tensor::Filled({1}, 0.5f)}});
  g.Add("norm", BatchNormOp{.epsilon = 1}, {conv},
        {{"weight", Tensor({2}, std::vector<float>{4, -8})},
         {"bias", Tensor::Filled({2}, 1)},
         {"running_mean", Tensor::Filled({2}, 3)},
         {"running_var", Tensor::Filled({2}, 3)}});
  return g;
}

TEST(AddWeightOffsets, SumsInputsBehindTheBatchNorm) {
  const Graph shifted = AddWeightOffsets(Network(), {{1, {10, 100}}});
  ASSERT_TRUE(Verify(shifted)) << Verify(shifted).error().message;
  ASSERT_EQ(shifted.size(), 6);
  EXPECT_EQ(shifted.node(2).name, "norm");
  const Node& inputs = shifted.node(3);
  EXPECT_EQ(inputs.name, "conv.inputs");
  EXPECT_THAT(inputs.inputs, ElementsAre(0));
  EXPECT_EQ(inputs.parameters.at("weight"), Tensor({1, 3, 3, 3}, std::vector<int8_t>(27, 1)));
  EXPECT_THAT(shifted.node(4).Find("weight")->floats(), ElementsAre(20, -400));
  EXPECT_THAT(shifted.node(5).inputs, ElementsAre(2, 4));
}

TEST(AddWeightOffsets, ALayerWithOtherReadersIsShiftedItself) {
  Graph graph = Network();
  graph.Add("sum", AddOp{}, {1, 2});
  const Graph shifted = AddWeightOffsets(graph, {{1, {10, 100}}});
  ASSERT_TRUE(Verify(shifted)) << Verify(shifted).error().message;
  EXPECT_EQ(shifted.node(4).name, "conv.shifted");
  EXPECT_THAT(shifted.node(3).Find("weight")->floats(), ElementsAre(10, 100));
  EXPECT_THAT(shifted.node(5).inputs, ElementsAre(4));     // the batch norm
  EXPECT_THAT(shifted.node(6).inputs, ElementsAre(4, 5));  // the sum
}

TEST(AddWeightOffsets, WithoutOffsetsNothingChanges) {
  EXPECT_EQ(AddWeightOffsets(Network(), {}), Network());
}

TEST(FoldWeightOffsets, GivesFloatsForCodesAndOffsets) {
  EXPECT_EQ(FoldWeightOffsets(Network()), Network());
  const Graph folded = FoldWeightOffsets(AddWeightOffsets(Network(), {{1, {10, 100}}}));
  ASSERT_TRUE(Verify(folded)) << Verify(folded).error().message;
  ASSERT_EQ(folded.size(), 3);
  const Tensor& weight = *folded.node(1).Find("weight");
  EXPECT_EQ(weight.floats().front(), 9.5f);
  EXPECT_EQ(weight.floats().back(), 99.5f);
  EXPECT_EQ(WeightQuantizerOf(folded.node(1).op), nullptr);
  EXPECT_EQ(folded.node(2), Network().node(2));
  // What only has such names, or is read by others, stays.
  Graph other = AddWeightOffsets(Network(), {{1, {10, 100}}});
  for (NodeId id = 0; id < other.size(); ++id) {
    if (other.node(id).name == "conv.inputs")
      other.node(id).parameters.at("weight").codes()[0] = -1;
  }
  EXPECT_EQ(FoldWeightOffsets(other), other);
  other = AddWeightOffsets(Network(), {{1, {10, 100}}});
  other.Add("more", AddOp{}, {other.output(), other.output() - 1});
  EXPECT_EQ(FoldWeightOffsets(other), other);
  // With its batch norm in it, whose second factor is -4.
  const Graph without =
      FoldWeightOffsets(FoldBatchNorm(AddWeightOffsets(Network(), {{1, {10, 100}}})));
  ASSERT_EQ(without.size(), 2);
  EXPECT_EQ(without.node(1).Find("weight")->floats().front(), 19);
  EXPECT_EQ(without.node(1).Find("weight")->floats().back(), -398);
}

}  // namespace
}  // namespace signum
