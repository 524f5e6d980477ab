// Small graphs with random weights, for the runtime's tests. With `dyadic`
// numbers (multiples of a power of two) float arithmetic is exact, so that a
// test can ask for equality with the interpreter.
#ifndef SIGNUM_RUNTIME_TESTING_RANDOM_GRAPH_H_
#define SIGNUM_RUNTIME_TESTING_RANDOM_GRAPH_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace signum::runtime {

class RandomGraph {
 public:
  // `input` is {1, ...}.
  RandomGraph(const Shape& input, uint32_t seed, bool dyadic = false);

  NodeId input() const { return 0; }
  NodeId Add(Op op, std::vector<NodeId> inputs, std::map<std::string, Tensor> parameters = {});

  // Float weights, or codes where `quantizer` is given.
  NodeId Convolution(NodeId in, ConvolutionOp op);
  NodeId Linear(NodeId in, int64_t features, std::optional<WeightQuantizer> quantizer = {},
                bool bias = true);
  NodeId BatchNorm(NodeId in);
  NodeId Activation(NodeId in, ActivationKind kind) { return Add(ActivationOp{kind}, {in}); }
  NodeId PRelu(NodeId in);
  // A 1-bit quantizer gets a shift per channel where `shift` is set.
  NodeId Quantize(NodeId in, int bits, int zero_point, float scale, bool shift = false);

  // The graph, which verifies, or the test fails.
  const Graph& graph() const { return graph_; }
  const Shape& shape(NodeId id) const { return shapes_[id]; }

  // Numbers within [-range, range]; dyadic ones are multiples of range / 64.
  std::vector<float> Floats(int64_t count, float range);
  // `batch` images; values within [-1, 1], so that signed inputs are met too.
  std::vector<float> Images(int64_t batch);

 private:
  std::map<std::string, Tensor> WeightParameters(const Shape& shape, bool bias,
                                                 const std::optional<WeightQuantizer>& quantizer);

  std::mt19937 random_;
  bool dyadic_;
  Graph graph_;
  std::vector<Shape> shapes_;
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_TESTING_RANDOM_GRAPH_H_
