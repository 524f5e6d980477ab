#include "graph/passes/fold_batch_norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace signum {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

// input -> linear of two outputs -> batch norm; gamma / deviation is `factors`.
Graph Network(std::vector<float> factors, bool codes) {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 2}}, {});
  LinearOp op{.output_features = 2, .bias = true};
  std::map<std::string, Tensor> parameters{{"bias", Tensor({2}, std::vector<float>{1, 2})}};
  if (codes) {
    op.weight_quantizer = WeightQuantizer{.bits = 1, .per_channel = false};
    parameters["weight"] = Tensor({2, 2}, std::vector<int8_t>{1, -1, 1, 1});
    parameters["weight_scale"] = Tensor({1}, std::vector<float>{0.5f});
  } else {
    parameters["weight"] = Tensor({2, 2}, std::vector<float>{1, -1, 2, 3});
  }
  const NodeId linear = g.Add("linear", op, {x}, std::move(parameters));
  for (float& factor : factors) factor *= 2;  // over a deviation of 2
  g.Add("norm", BatchNormOp{.epsilon = 1}, {linear},
        {{"weight", Tensor({2}, std::move(factors))},
         {"bias", Tensor({2}, std::vector<float>{10, 20})},
         {"running_mean", Tensor({2}, std::vector<float>{3, 5})},
         {"running_var", Tensor({2}, std::vector<float>{3, 3})}});
  return g;
}

TEST(FoldBatchNorm, FloatWeights) {
  const Graph folded = FoldBatchNorm(Network({2, -3}, false));
  ASSERT_TRUE(Verify(folded)) << Verify(folded).error().message;
  ASSERT_EQ(folded.size(), 2);
  EXPECT_THAT(folded.node(1).Find("weight")->floats(), ElementsAre(2, -2, -6, -9));
  EXPECT_THAT(folded.node(1).Find("bias")->floats(), ElementsAre(6, 29));  // (1-3) 2 + 10, ...
}

TEST(FoldBatchNorm, NegativeFactorsTurnCodesAround) {
  const Graph folded = FoldBatchNorm(Network({2, -3}, true));
  ASSERT_TRUE(Verify(folded)) << Verify(folded).error().message;
  ASSERT_EQ(folded.size(), 2);
  EXPECT_THAT(folded.node(1).Find("weight")->codes(), ElementsAre(1, -1, -1, -1));
  EXPECT_THAT(folded.node(1).Find("weight_scale")->floats(), ElementsAre(FloatEq(1), FloatEq(1.5)));
  EXPECT_THAT(folded.node(1).Find("bias")->floats(), ElementsAre(6, 29));
}

TEST(FoldBatchNorm, ACodeWithoutAnOppositeKeepsTheBatchNorm) {
  Graph network = Network({2, -3}, true);
  for (NodeId id = 0; id < network.size(); ++id) {
    if (network.node(id).Find("weight_scale") == nullptr) continue;
    Tensor& weight = network.node(id).parameters.at("weight");
    weight.codes()[weight.elements() - 1] = -128;
  }
  EXPECT_EQ(FoldBatchNorm(network), network);
}

TEST(FoldBatchNorm, AScaleOfZeroKeepsTheBatchNorm) {
  EXPECT_EQ(FoldBatchNorm(Network({2, 0}, true)), Network({2, 0}, true));
  EXPECT_EQ(FoldBatchNorm(Network({2, 0}, false)).size(), 2);
}

TEST(FoldBatchNorm, ALayerWithAnotherReaderKeepsItsBatchNorm) {
  Graph graph = Network({2, 3}, false);
  graph.Add("sum", AddOp{}, {1, 2});
  EXPECT_EQ(FoldBatchNorm(graph), graph);
}

}  // namespace
}  // namespace signum
