// One node of a Graph as torch operators.
#ifndef SIGNUM_TRAIN_INTERPRET_H_
#define SIGNUM_TRAIN_INTERPRET_H_

#include <torch/torch.h>

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "train/graph_module.h"

namespace signum::train {

// What a node is computed from.
struct NodeContext {
  const Node& node;
  const std::map<std::string, torch::Tensor>& tensors;  // by role
  const ForwardOptions& options;
  const QuantizationConfig& config;
  std::vector<torch::Tensor> inputs = {};
  torch::Tensor weight = {};        // of a convolution or linear layer, quantized if it is
  int64_t batch = 1;                // images
  torch::Tensor padding_unit = {};  // what a padding code of 1 stands for, {1}; may be undefined
};

// The node's value. The graph must have verified, and the inputs must have the
// shapes it infers.
torch::Tensor Interpret(const NodeContext& context);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_INTERPRET_H_
