// NetworkBuilder: lets a network's definition read as a list of its layers. It
// infers shapes as it goes, gives every layer its initial weights, and keeps
// the first error for Finish, so that definitions need no error handling.
#ifndef SIGNUM_ZOO_BUILDER_H_
#define SIGNUM_ZOO_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "signum/result.h"
#include "zoo/zoo.h"

namespace signum::zoo {

// How weights start. Biases start at zero with kHe.
enum class Initialization {
  // Uniform within 1 / sqrt(fan in), biases too: PyTorch's default.
  kPyTorch,
  // Normal with deviation sqrt(2 / fan out), fan out = output channels times
  // kernel area: He et al., "Delving Deep into Rectifiers", 2015.
  kHe,
};

struct ConvolutionSpec {
  int64_t output_channels = 0;
  int kernel = 1, stride = 1, padding = 0;
  bool bias = true;
  Initialization initialization = Initialization::kPyTorch;
};

class NetworkBuilder {
 public:
  // `options` must be resolved: no zero sizes.
  NetworkBuilder(std::string network_name, const ZooOptions& options);

  // The input's value, after Normalize if the options ask for it.
  NodeId input() const { return input_; }

  // Each appends one node and returns its value.
  NodeId Convolution(const std::string& name, NodeId input, const ConvolutionSpec& spec);
  NodeId Linear(const std::string& name, NodeId input, int64_t output_features);
  NodeId BatchNorm(const std::string& name, NodeId input);
  NodeId Relu(const std::string& name, NodeId input);
  NodeId MaxPool(const std::string& name, NodeId input, int kernel, int stride);
  NodeId GlobalAveragePool(const std::string& name, NodeId input);
  NodeId Add(const std::string& name, NodeId left, NodeId right);
  NodeId PadChannels(const std::string& name, NodeId input, int64_t front, int64_t behind);
  NodeId Flatten(const std::string& name, NodeId input);
  NodeId Dropout(const std::string& name, NodeId input, float probability);

  // The shape of a value at batch size 1.
  const Shape& shape(NodeId id) const { return shapes_[id]; }

  // The verified graph, or the first error met.
  Result<Graph> Finish();

 private:
  NodeId Append(const std::string& name, Op op, std::vector<NodeId> inputs,
                std::map<std::string, Tensor> parameters = {});
  NodeId Reject(ErrorCode code, std::string message);
  bool HasError() const { return !status_.has_value(); }
  bool FitsMemory(const std::string& name, const Shape& weight);

  uint64_t seed_;
  Graph graph_;
  std::vector<Shape> shapes_;
  NodeId input_ = 0;
  Status status_;
};

}  // namespace signum::zoo

#endif  // SIGNUM_ZOO_BUILDER_H_
