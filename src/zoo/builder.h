// NetworkBuilder: lets a network's definition read as a list of its layers. It
// infers shapes as it goes, gives every layer its initial weights, and keeps
// the first error for Finish, so that definitions need no error handling.
#ifndef SIGNUM_ZOO_BUILDER_H_
#define SIGNUM_ZOO_BUILDER_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "signum/result.h"
#include "zoo/initialize.h"
#include "zoo/zoo.h"

namespace signum::zoo {

struct ConvolutionSpec {
  int64_t output_channels = 0;
  int kernel = 1, stride = 1, padding = 0, groups = 1;
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
  NodeId Linear(const std::string& name, NodeId input, int64_t output_features,
                Initialization initialization = Initialization::kPyTorch);
  NodeId BatchNorm(const std::string& name, NodeId input);
  NodeId Activation(const std::string& name, NodeId input, ActivationKind kind);
  NodeId Relu(const std::string& name, NodeId input);
  NodeId MaxPool(const std::string& name, NodeId input, int kernel, int stride, int padding = 0);
  // Windows {vertical, horizontal} that lie side by side.
  NodeId AveragePool(const std::string& name, NodeId input, std::array<int, 2> window);
  NodeId GlobalAveragePool(const std::string& name, NodeId input);
  NodeId UpsampleNearest(const std::string& name, NodeId input, int scale);
  NodeId Add(const std::string& name, NodeId left, NodeId right);
  NodeId Multiply(const std::string& name, NodeId left, NodeId right);
  NodeId PadChannels(const std::string& name, NodeId input, int64_t front, int64_t behind);
  NodeId Flatten(const std::string& name, NodeId input);
  NodeId Dropout(const std::string& name, NodeId input, float probability);

  // Three layers that follow each other in a PyTorch Sequential called `sequence`,
  // from `index` on, as torchvision's Conv2dNormActivation: a convolution that is
  // padded to keep the size but for its stride, without bias and with He's initial
  // weights whatever `spec` says; batch norm; and, where there is one, the activation.
  NodeId ConvolutionNormActivation(const std::string& sequence, int index, NodeId input,
                                   ConvolutionSpec spec, std::optional<ActivationKind> activation);

  // Keeps the error for Finish, unless there is one already; returns any value.
  NodeId Reject(ErrorCode code, std::string message);

  // The shape of a value at batch size 1.
  const Shape& shape(NodeId id) const { return shapes_[id]; }

  // The verified graph, or the first error met.
  Result<Graph> Finish();

 private:
  NodeId Append(const std::string& name, Op op, std::vector<NodeId> inputs,
                std::map<std::string, Tensor> parameters = {});
  bool HasError() const { return !status_.has_value(); }
  bool FitsMemory(const std::string& name, const Shape& weight);
  // The first "weight" and, if asked for, "bias" of a layer.
  std::map<std::string, Tensor> WeightAndBias(const std::string& name, const Shape& weight,
                                              bool bias, Initialization initialization) const;

  uint64_t seed_;
  bool weights_;
  Graph graph_;
  std::vector<Shape> shapes_;
  NodeId input_ = 0;
  Status status_;
};

}  // namespace signum::zoo

#endif  // SIGNUM_ZOO_BUILDER_H_
