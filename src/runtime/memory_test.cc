// What sessions of the zoo's networks hold, against the least that any engine could do
// with: docs/performance.md, "Memory".
#include <string>
#include <utility>
#include <vector>

#include "graph/passes/insert_quantizers.h"
#include "runtime/testing/random_graph.h"
#include "runtime/testing/run_program.h"
#include "zoo/zoo.h"

namespace signum::runtime {
namespace {

struct Network {
  std::string name;
  int64_t size;
};

struct Precision {
  int weight_bits, activation_bits;
};

// Ones of every shape that a network without weights asks for: codes, where they are
// quantized.
Graph WithOnes(Graph graph) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node& node = graph.node(id);
    const bool codes = WeightQuantizerOf(node.op) != nullptr;
    for (auto& [role, tensor] : node.parameters) {
      const Shape shape = tensor.shape();
      if (codes && role == "weight") {
        tensor = Tensor(shape, std::vector<int8_t>(shape.elements(), 1));
      } else {
        tensor = Tensor::Filled(shape, 1.0f);
      }
    }
    if (codes) {
      const int64_t channels = node.parameters.at("weight").shape()[0];
      node.parameters["weight_scale"] = Tensor::Filled({channels}, 1.0f);
    }
  }
  return graph;
}

Graph Quantized(const Network& network, const Precision& precision) {
  zoo::ZooOptions options;
  options.height = options.width = network.size;
  options.channels = 3;
  options.weights = false;
  QuantizationPolicy policy;
  policy.weight_bits = precision.weight_bits;
  policy.activation_bits = precision.activation_bits;
  if (network.size > 32) policy.residual_bits = 8;  // ResNet-20 keeps floats, see below
  return WithOnes(InsertQuantizers(zoo::BuildZoo(network.name, options).value(), policy).value());
}

void ExpectLittle(const Network& network, const Precision& precision) {
  SCOPED_TRACE(testing::Message() << network.name << ", W" << precision.weight_bits << "A"
                                  << precision.activation_bits);
  Graph graph = Quantized(network, precision);
  ASSERT_TRUE(Verify(graph)) << Verify(graph).error().message;
  for (Isa isa : SupportedIsas()) {
    const bool last = isa == DetectIsa();
    const auto program =
        last ? Compile(std::move(graph), {.isa = isa}) : Compile(graph, {.isa = isa});
    ASSERT_TRUE(program) << program.error().message;
    const auto executor = Executor::Create(*program, {}).value();
    const int64_t session = (*program)->weight_bytes() + executor->memory_bytes();
    const int64_t least =
        (*program)->least_weight_bytes() + (*program)->neighbour_bytes_per_image();
    // A thread has room for the sums of a tile, whatever the network; ResNet-20, whose
    // weights of 1 bit take 34 KB, is too small for a share of that, and the more so without
    // floats for its sums.
    const double constant = least < 200000 ? 32 << 10 : 0;
    EXPECT_LE(static_cast<double>(session), 1.3 * static_cast<double>(least) + constant)
        << IsaName(isa) << ": weights " << (*program)->weight_bytes() << ", arena "
        << (*program)->arena_bytes_per_image() << ", scratch "
        << (*program)->scratch_bytes_per_thread() << "; least " << least;
  }
}

TEST(Memory, OfSessionsIsLittleMoreThanWeightsAndTwoMaps) {
  for (const Network& network :
       {Network{"resnet20", 32}, Network{"alexnet-cifar", 32}, Network{"alexnet", 224},
        Network{"resnet18", 224}, Network{"resnet50", 224}}) {
    for (const Precision& precision : {Precision{1, 8}, Precision{1, 1}, Precision{8, 8}}) {
      ExpectLittle(network, precision);
    }
  }
}

TEST(Memory, CountsWeightsAtTheirBitsAndTheTwoLargestNeighbours) {
  RandomGraph g({1, 3, 8, 8}, 1);
  ConvolutionOp op;
  op.output_channels = 20;
  op.window = {{3, 3}, {1, 1}, {1, 1}, Padding::All(1)};
  op.weight_quantizer = WeightQuantizer{8, true};
  const NodeId image = g.Quantize(g.input(), 8, 128, 0.01f);
  const NodeId signs = g.Quantize(g.Convolution(image, op), 1, 0, 1.0f);
  op.weight_quantizer = WeightQuantizer{1, true};
  const NodeId codes = g.Quantize(g.Convolution(signs, op), 8, 0, 0.1f);
  op.output_channels = 5;
  g.Convolution(codes, op);
  const auto program = Compile(g.graph(), {}).value();
  EXPECT_EQ(program->least_weight_bytes(), 20 * 27 + 20 * 180 / 8 + (5 * 180 + 7) / 8);
  // Codes of 20 channels and floats of 5; bits of 20 channels take 3 bytes a pixel.
  EXPECT_EQ(program->neighbour_bytes_per_image(), 64 * (20 + 5 * 4));
}

}  // namespace
}  // namespace signum::runtime
