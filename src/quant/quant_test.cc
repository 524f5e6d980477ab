#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "quant/arithmetic.h"
#include "quant/calibration.h"
#include "quant/freeze_weights.h"

namespace signum::quant {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

TEST(Sign, ZeroIsPositive) {
  EXPECT_EQ(Sign(0.0f), 1);
  EXPECT_EQ(Sign(-0.0f), 1);
  EXPECT_EQ(Sign(-1e-30f), -1);
}

TEST(QuantizeValue, RoundsHalfToEvenAndClamps) {
  EXPECT_EQ(QuantizeValue(0.5f, 1, 0, 8), 0);
  EXPECT_EQ(QuantizeValue(1.5f, 1, 0, 8), 2);
  EXPECT_EQ(QuantizeValue(2.5f, 1, 0, 8), 2);
  EXPECT_EQ(QuantizeValue(-0.5f, 1, 128, 8), 128);
  EXPECT_EQ(QuantizeValue(-1.5f, 1, 128, 8), 126);
  EXPECT_EQ(QuantizeValue(1e30f, 1, 0, 8), 255);
  EXPECT_EQ(QuantizeValue(-1e30f, 1, 128, 8), 0);
  EXPECT_EQ(QuantizeValue(9, 1, 0, 3), 7);
  EXPECT_EQ(QuantizeValue(std::nanf(""), 1, 5, 8), 0);
  EXPECT_EQ(DequantizeValue(120, 0.5f, 128), -4.0f);
}

TEST(QuantizeWeights, OneBitIsTheMeanMagnitudeTimesTheSign) {
  // XNOR-Net on [.5, -.25, .75, -1.5]: alpha = 3 / 4.
  const std::vector<float> weights{.5f, -.25f, .75f, -1.5f, 0, -1, 2, 3};
  const QuantizedWeight channel = QuantizeWeights(weights, 2, 1, true);
  EXPECT_THAT(channel.codes, ElementsAre(1, -1, 1, -1, 1, -1, 1, 1));
  EXPECT_THAT(channel.scales, ElementsAre(FloatEq(.75f), FloatEq(1.5f)));
  EXPECT_THAT(QuantizeWeights(weights, 2, 1, false).scales, ElementsAre(FloatEq(1.125f)));
}

TEST(QuantizeWeights, MoreBitsAreSymmetric) {
  const std::vector<float> weights{-7, 3.5f, 1.8f, 7};
  const QuantizedWeight quantized = QuantizeWeights(weights, 1, 4, true);
  EXPECT_THAT(quantized.scales, ElementsAre(1.0f));
  EXPECT_THAT(quantized.codes, ElementsAre(-7, 4, 2, 7));  // 3.5 goes to even
  EXPECT_GT(QuantizeWeights(std::vector<float>(4, 0.0f), 1, 8, true).scales[0], 0);
}

TEST(HysteresisBit, KeepsTheBitUntilTheOtherSideIsReached) {
  const std::vector<float> latents{.05f, -.05f, -.09f, -.12f, .09f, .02f, .10f, -.04f};
  std::vector<int> bits;
  int bit = 1;
  for (float latent : latents) bits.push_back(bit = HysteresisBit(bit, latent, 0.1f));
  EXPECT_THAT(bits, ElementsAre(1, 1, 1, -1, -1, -1, 1, 1));
}

TEST(HysteresisBit, ThetaZeroIsSign) {
  for (int bit : {-1, 1}) {
    for (float latent : {-0.5f, -0.0f, 0.0f, 0.5f}) {
      EXPECT_EQ(HysteresisBit(bit, latent, 0), Sign(latent));
    }
  }
}

TEST(LeastErrorScale, KeepsTheRangeOfUniformValuesAndClipsOutliers) {
  std::vector<float> samples;
  for (int i = 0; i <= 1000; ++i) samples.push_back(static_cast<float>(i) / 1000.0f);
  EXPECT_NEAR(LeastErrorScale(samples, 0, 4), 1 / 15.0, 0.003);
  samples.push_back(10);
  EXPECT_LT(LeastErrorScale(samples, 0, 2), 0.5);
  EXPECT_GT(LeastErrorScale(std::vector<float>(3, 0.0f), 128, 8), 0);
}

TEST(FreezeWeights, ReplacesAnnotatedFloatsOnce) {
  Graph graph;
  const NodeId x = graph.Add("x", InputOp{{1, 2}}, {});
  graph.Add("linear",
            LinearOp{.output_features = 2, .bias = false, .weight_quantizer = WeightQuantizer{}},
            {x}, {{"weight", Tensor({2, 2}, std::vector<float>{1, -3, -2, 4})}});
  FreezeWeights(graph);
  ASSERT_TRUE(Verify(graph)) << Verify(graph).error().message;
  EXPECT_THAT(graph.node(1).Find("weight")->codes(), ElementsAre(1, -1, -1, 1));
  EXPECT_THAT(graph.node(1).Find("weight_scale")->floats(), ElementsAre(2, 3));
  const Graph frozen = graph;
  FreezeWeights(graph);
  EXPECT_EQ(graph, frozen);
}

}  // namespace
}  // namespace signum::quant
