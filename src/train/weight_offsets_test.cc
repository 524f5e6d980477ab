// Weights with an offset run as they learn: what GraphModule computes and what the layers that
// Snapshot adds compute in the runtime.
#include <gtest/gtest.h>

#include <cmath>

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

// Strides, groups, padding of zeros and of bits, a linear layer; with and without a batch norm.
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
  g.Linear(g.Add(FlattenOp{}, {wide}), 5);
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
    for (Isa isa : SupportedIsas()) {
      const std::vector<float> ran = runtime::RunGraph(folded, images, kBatch, {.isa = isa});
      ASSERT_EQ(static_cast<int64_t>(ran.size()), learned.numel());
      for (size_t i = 0; i < ran.size(); ++i) {
        EXPECT_NEAR(ran[i], learned.data_ptr<float>()[i], 1e-5 * (1 + std::abs(ran[i])))
            << IsaName(isa) << ", output " << i;
      }
    }
  }
}

}  // namespace
}  // namespace signum::train
