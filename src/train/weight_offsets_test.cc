// Weights with an offset run as they learn: what GraphModule computes and what the layers that
// Snapshot adds compute in the runtime.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "graph/passes/fold_batch_norm.h"
#include "graph/passes/insert_quantizers.h"
#include "runtime/testing/random_graph.h"
#include "runtime/testing/run_program.h"
#include "train/graph_module.h"

namespace signum::train {
namespace {

constexpr int64_t kBatch = 2;

struct Precision {
  int activation_bits;
  bool per_channel;
};

// Strides, groups, a depthwise layer, padding of zeros and of bits, a linear layer; with and
// without a batch norm.
runtime::RandomGraph Network() {
  runtime::RandomGraph g({1, 4, 9, 9}, 1);
  const NodeId grouped = g.BatchNorm(g.Convolution(
      g.input(), {.output_channels = 6,
                  .window = {.kernel = {3, 3}, .stride = {2, 2}, .padding = Padding::All(1)},
                  .groups = 2}));
  const NodeId wide =
      g.Convolution(grouped, {.output_channels = 7,
                              .window = {.kernel = {2, 3}, .padding = Padding::All(1)},
                              .bias = false});
  const NodeId depthwise = g.BatchNorm(g.Convolution(
      g.PRelu(wide), {.output_channels = 7, .window = {.kernel = {3, 3}}, .groups = 7}));
  g.Linear(g.Add(FlattenOp{}, {depthwise}), 5);
  return g;
}

// All weights of 1 bit; the second convolution pads with -1 where values have 1 bit, too.
Graph Quantized(const Graph& graph, const Precision& precision) {
  Graph quantized =
      *InsertQuantizers(graph, {.activation_bits = precision.activation_bits,
                                .per_channel = precision.per_channel,
                                .edges = {.weights = 1, .activations = precision.activation_bits}});
  bool second = false;
  for (NodeId id = 0; id < quantized.size(); ++id) {
    Node& node = quantized.node(id);
    if (node.parameters.contains("scale")) node.parameters.at("scale").floats()[0] = 0.05f;
    auto* convolution = std::get_if<ConvolutionOp>(&node.op);
    if (convolution == nullptr) continue;
    if (second && precision.activation_bits == 1) convolution->pad_code = -1;
    second = true;
  }
  return quantized;
}

TEST(WeightOffsets, RunAsTheyLearn) {
  runtime::RandomGraph random = Network();
  std::vector<float> images = random.Images(kBatch);
  for (const Precision& precision :
       {Precision{kFloatBits, true}, {8, true}, {8, false}, {4, true}, {1, true}, {1, false}}) {
    SCOPED_TRACE(testing::Message() << precision.activation_bits << " bits");
    GraphModule module(Quantized(random.graph(), precision), {.binary_method = "adabin"},
                       torch::kCPU);
    torch::NoGradGuard no_gradients;
    const torch::Tensor input = torch::from_blob(images.data(), {kBatch, 4, 9, 9}, torch::kFloat);
    const torch::Tensor learned = module.Forward(input, {}).contiguous();
    // Its batch norms folded, as a model is handed out.
    const Graph folded = FoldBatchNorm(module.Snapshot());
    ASSERT_TRUE(Verify(folded)) << Verify(folded).error().message;
    for (const Node& node : folded.nodes()) {
      EXPECT_FALSE(std::holds_alternative<BatchNormOp>(node.op)) << node.name;
    }
    std::vector<float> first;
    for (Isa isa : SupportedIsas()) {
      const std::vector<float> ran = runtime::RunGraph(folded, images, kBatch, {.isa = isa});
      ASSERT_EQ(static_cast<int64_t>(ran.size()), learned.numel());
      for (size_t i = 0; i < ran.size(); ++i) {
        EXPECT_NEAR(ran[i], learned.data_ptr<float>()[i], 1e-5 * (1 + std::abs(ran[i])))
            << IsaName(isa) << ", output " << i;
      }
      if (precision.activation_bits == kFloatBits) continue;
      // Of integers, the same bits on each instruction set, for each batch and number of threads.
      if (first.empty()) first = ran;
      EXPECT_EQ(ran, first) << IsaName(isa);
      EXPECT_EQ(
          runtime::RunGraph(folded, images, kBatch, {.isa = isa, .threads = 2, .max_batch = 1}),
          first)
          << IsaName(isa);
    }
  }
}

// Without quantizers, and into other ones, as if its float weights had been what they stand for.
TEST(WeightOffsets, BecomeFloatWeightsAgain) {
  const runtime::RandomGraph random = Network();
  const GraphModule module(Quantized(random.graph(), {8, true}), {.binary_method = "adabin"},
                           torch::kCPU);
  for (const Graph& graph : {module.Snapshot(), FoldBatchNorm(module.Snapshot())}) {
    const Graph stripped = StripQuantizers(graph);
    ASSERT_TRUE(Verify(stripped)) << Verify(stripped).error().message;
    int layers = 0;
    for (const Node& node : stripped.nodes()) {
      if (WeightQuantizerSlot(node.op) == nullptr) continue;
      ++layers;
      // A layer has two values in each channel, or with a batch norm's sign, still two.
      const Tensor& weight = node.parameters.at("weight");
      const int64_t length = weight.elements() / weight.shape()[0];
      for (int64_t c = 0; c < weight.shape()[0]; ++c) {
        const auto channel = weight.floats().subspan(c * length, length);
        EXPECT_LE(std::set<float>(channel.begin(), channel.end()).size(), 2u) << node.name;
      }
    }
    EXPECT_EQ(layers, 4);
    const auto again = InsertQuantizers(graph, {.weight_bits = 4});
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(Verify(*again));
  }
  // The values are those that were learned.
  const Graph unfolded = StripQuantizers(module.Snapshot());
  for (const Node& node : unfolded.nodes()) {
    if (WeightQuantizerSlot(node.op) == nullptr) continue;
    for (const Node& latent : random.graph().nodes()) {
      if (latent.name != node.name) continue;
      const auto now = node.Find("weight")->floats(), before = latent.Find("weight")->floats();
      const double sum = std::accumulate(now.begin(), now.end(), 0.0);
      const int64_t length = static_cast<int64_t>(now.size()) / node.Find("weight")->shape()[0];
      double expected = 0;  // of bits: the mean of each channel, and its deviation by the balance
      for (size_t begin = 0; begin < before.size(); begin += length) {
        const auto channel = before.subspan(begin, length);
        const double mean = std::accumulate(channel.begin(), channel.end(), 0.0) / length;
        double variance = 0;
        int64_t balance = 0;
        for (float w : channel) {
          variance += (w - mean) * (w - mean) / length;
          balance += w >= mean ? 1 : -1;
        }
        expected += mean * length + std::sqrt(variance) * balance;
      }
      EXPECT_NEAR(sum, expected, 1e-3) << node.name;
    }
  }
}

}  // namespace
}  // namespace signum::train
