#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "graph/cost.h"
#include "graph/graph.h"

namespace signum {
namespace {

using ::testing::HasSubstr;

// input -> convolution -> batch norm -> quantize: a graph that verifies.
Graph SmallGraph() {
  Graph graph;
  const NodeId x = graph.Add("x", InputOp{{1, 2, 4, 4}}, {});
  const NodeId conv = graph.Add("conv",
                                ConvolutionOp{.output_channels = 3,
                                              .window = {.kernel = {3, 3}},
                                              .bias = false,
                                              .weight_quantizer = WeightQuantizer{.bits = 1}},
                                {x},
                                {{"weight", Tensor({3, 2, 3, 3}, std::vector<int8_t>(54, 1))},
                                 {"weight_scale", Tensor::Filled({3}, 0.5f)}});
  const NodeId norm = graph.Add("norm", BatchNormOp{}, {conv},
                                {{"weight", Tensor::Filled({3}, 1)},
                                 {"bias", Tensor::Filled({3}, 0)},
                                 {"running_mean", Tensor::Filled({3}, 0)},
                                 {"running_var", Tensor::Filled({3}, 1)}});
  graph.Add("quantize", QuantizeOp{.bits = 8, .zero_point = 128}, {norm},
            {{"scale", Tensor::Filled({1}, 0.1f)}});
  return graph;
}

// The message with which Verify refuses SmallGraph() after `spoil`.
template <typename Spoil>
std::string Refusal(const Spoil& spoil) {
  Graph graph = SmallGraph();
  spoil(graph);
  const Status status = Verify(graph);
  return status ? "accepted" : status.error().message;
}

TEST(Verify, AcceptsAWellFormedGraph) { EXPECT_TRUE(Verify(SmallGraph())); }

TEST(Verify, KnowsTheCodesOfAWeight) {
  const auto refusal = [](int bits, int8_t code) {
    return Refusal([&](Graph& g) {
      std::get<ConvolutionOp>(g.node(1).op).weight_quantizer->bits = bits;
      g.node(1).parameters["weight"].codes()[7] = code;
    });
  };
  for (int bits = 2; bits <= 8; ++bits) {
    const auto highest = static_cast<int8_t>((1 << (bits - 1)) - 1);
    EXPECT_EQ(refusal(bits, highest), "accepted");
    EXPECT_EQ(refusal(bits, static_cast<int8_t>(-highest)), "accepted");
    EXPECT_EQ(refusal(bits, 0), "accepted");
    if (bits < 8) {
      EXPECT_THAT(refusal(bits, static_cast<int8_t>(highest + 1)), HasSubstr("does not fit"));
      EXPECT_THAT(refusal(bits, static_cast<int8_t>(-highest - 1)), HasSubstr("does not fit"));
    }
  }
  EXPECT_EQ(refusal(8, -128), "accepted");
}

TEST(Verify, NamesTheNodeAndTheFault) {
  EXPECT_THAT(Refusal([](Graph& g) { g.node(1).parameters.erase("weight_scale"); }),
              HasSubstr("node 'conv' (Convolution): has no parameter 'weight_scale'"));
  EXPECT_THAT(Refusal([](Graph& g) { g.node(1).parameters["weight"].codes()[7] = 0; }),
              HasSubstr("weight code 0 does not fit 1 bit"));
  EXPECT_THAT(Refusal([](Graph& g) { g.node(1).parameters["odd"] = Tensor(); }),
              HasSubstr("unexpected parameter 'odd'"));
  EXPECT_THAT(Refusal([](Graph& g) {
                g.node(2).parameters["weight"].floats()[1] =
                    std::numeric_limits<float>::quiet_NaN();
              }),
              HasSubstr("node 'norm' (BatchNorm): parameter 'weight' holds nan"));
  EXPECT_THAT(Refusal([](Graph& g) { g.node(2).parameters["running_var"].floats()[0] = -1; }),
              HasSubstr("negative running variance"));
  EXPECT_THAT(Refusal([](Graph& g) { g.node(3).parameters["scale"].floats()[0] = 0; }),
              HasSubstr("not above 0"));
  EXPECT_THAT(Refusal([](Graph& g) { std::get<QuantizeOp>(g.node(3).op).zero_point = 256; }),
              HasSubstr("zero-point 256 is outside 0 to 255"));
  EXPECT_THAT(Refusal([](Graph& g) { std::get<QuantizeOp>(g.node(3).op).bits = 9; }),
              HasSubstr("9 bits"));
  EXPECT_THAT(Refusal([](Graph& g) { std::get<ConvolutionOp>(g.node(1).op).pad_code = 1; }),
              HasSubstr("padded with -1 or +1"));
  EXPECT_THAT(Refusal([](Graph& g) { g.node(2).name = "conv"; }),
              HasSubstr("two nodes are named 'conv'"));
  EXPECT_THAT(Refusal([](Graph& g) { g.class_names = {"cat"}; }), HasSubstr("1 class names"));
}

TEST(Verify, RefusesValuesThatNobodyReads) {
  EXPECT_THAT(Refusal([](Graph& g) { g.Add("loose", FlattenOp{}, {1}); }),
              HasSubstr("node 'quantize' (Quantize): its value is never read"));
}

TEST(Costs, CountsWhatIsStoredAndComputed) {
  const std::vector<NodeCost> costs = Costs(SmallGraph());
  EXPECT_EQ(costs[1].parameters, 54);
  EXPECT_EQ(costs[1].macs, 54 * 4);
  EXPECT_EQ(costs[1].weight_bits, 1);
  EXPECT_EQ(costs[1].weight_bytes, 7 + 12);  // 54 bits, three scales
  EXPECT_EQ(costs[1].activation_bytes, 3 * 4 * 4);
  EXPECT_EQ(costs[2].parameters, 6);
  EXPECT_EQ(costs[2].buffers, 6);
  EXPECT_EQ(costs[3].value_bits, 8);
  EXPECT_EQ(costs[3].activation_bytes, 12);
  EXPECT_EQ(TotalCost(costs).parameters, 60);
}

}  // namespace
}  // namespace signum
