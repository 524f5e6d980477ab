// Values that CompileOptions::keep asks for: as the interpreter has them, without
// changing what the network computes.
#include <map>
#include <vector>

#include "runtime/testing/interpreter.h"
#include "runtime/testing/quantized_network.h"
#include "runtime/testing/random_graph.h"
#include "runtime/testing/run_program.h"

namespace signum::runtime {
namespace {

struct Observed {
  std::map<NodeId, std::vector<float>> values;
  std::vector<float> outputs;
};

Observed RunKeeping(const Graph& graph, std::vector<NodeId> keep, const std::vector<float>& images,
                    int64_t batch, int64_t max_batch) {
  Observed observed;
  const auto program = Compile(graph, {.isa = DetectIsa(), .keep = std::move(keep)}).value();
  const auto executor = Executor::Create(program, {.threads = 2, .max_batch = max_batch}).value();
  observed.outputs.resize(batch * program->output_shape().elements());
  const ValueObserver observe = [&](NodeId node, int64_t, std::span<const float> values) {
    auto& all = observed.values[node];
    all.insert(all.end(), values.begin(), values.end());
  };
  EXPECT_TRUE(executor->Run(images, batch, observed.outputs, observe));
  return observed;
}

// The graph up to `id`, whose value is then the output.
Graph Prefix(const Graph& graph, NodeId id) {
  Graph prefix;
  for (NodeId i = 0; i <= id; ++i) {
    const Node& node = graph.node(i);
    prefix.Add(node.name, node.op, node.inputs, node.parameters);
  }
  return prefix;
}

// From {n, c, h, w} to {n, h, w, c}.
std::vector<double> ChannelsLast(const std::vector<double>& values, const Shape& shape) {
  if (shape.rank() != 4) return values;
  const int64_t channels = shape[1], pixels = shape[2] * shape[3];
  std::vector<double> moved(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const int64_t image = at / (channels * pixels), pixel = at % pixels;
    moved[(image * pixels + pixel) * channels + at / pixels % channels] = values[i];
  }
  return moved;
}

TEST(KeptValues, AreThoseOfTheirNodes) {
  RandomGraph g({1, 3, 6, 5}, 4, true);
  const NodeId codes = g.Quantize(g.input(), 6, 11, 0.0625f);
  ConvolutionOp op;
  op.output_channels = 4;
  op.window = {{3, 3}, {1, 1}, {1, 1}, Padding::All(1)};
  op.weight_quantizer = WeightQuantizer{4, true};
  const NodeId conv = g.Convolution(codes, op);
  const NodeId sum = g.Add(AddOp{}, {g.BatchNorm(conv), g.Convolution(codes, op)});
  const NodeId relu = g.Activation(sum, ActivationKind::kRelu);
  const NodeId last = g.Quantize(relu, 4, 0, 0.5f);
  g.Linear(g.Add(FlattenOp{}, {last}), 3, WeightQuantizer{8, true});
  constexpr int64_t kBatch = 5;
  const std::vector<float> images = g.Images(kBatch);
  std::vector<NodeId> all;
  for (NodeId id = 0; id < g.graph().size(); ++id) all.push_back(id);
  for (const std::vector<NodeId>& keep : {all, {conv}, {relu}, {codes, last}}) {
    const Observed observed = RunKeeping(g.graph(), keep, images, kBatch, 2);
    EXPECT_EQ(observed.outputs,
              RunGraph(g.graph(), images, kBatch, {.isa = DetectIsa(), .max_batch = 2}));
    EXPECT_EQ(observed.values.size(), keep.size());
    for (const auto& [id, values] : observed.values) {
      const std::vector<double> expected =
          id == 0 ? ChannelsLast({images.begin(), images.end()}, g.shape(0))
                  : ChannelsLast(Interpret(Prefix(g.graph(), id), images, kBatch), g.shape(id));
      ASSERT_EQ(values.size(), expected.size());
      for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], expected[i]) << "node " << id;
    }
  }
}

TEST(KeptValues, NeedNoMoreMemoryThanAskedFor) {
  const RandomGraph g = QuantizedNetwork(1);
  const auto plain = Compile(g.graph(), {}).value();
  const auto keeping = Compile(g.graph(), {.keep = {1, 4, 9}}).value();
  EXPECT_TRUE(plain->kept().empty());
  EXPECT_EQ(keeping->kept().size(), 3u);
  EXPECT_GT(keeping->arena_bytes_per_image(), plain->arena_bytes_per_image());
}

}  // namespace
}  // namespace signum::runtime
