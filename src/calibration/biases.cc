#include "calibration/biases.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"

namespace signum::calibration {
namespace {

// The network up to `last`, whose value becomes the output.
Graph UpTo(const Graph& graph, NodeId last) {
  Graph prefix;
  for (NodeId id = 0; id <= last; ++id) {
    const Node& node = graph.node(id);
    prefix.Add(node.name, node.op, node.inputs, node.parameters);
  }
  return prefix;
}

void Subtract(const std::vector<double>& excess, Node& layer) {
  std::vector<float> bias(excess.size());
  if (const Tensor* old = layer.Find("bias")) {
    bias.assign(old->floats().begin(), old->floats().end());
  }
  for (size_t c = 0; c < excess.size(); ++c) bias[c] = static_cast<float>(bias[c] - excess[c]);
  const auto channels = static_cast<int64_t>(bias.size());
  layer.parameters["bias"] = Tensor({channels}, std::move(bias));
  if (auto* convolution = std::get_if<ConvolutionOp>(&layer.op)) convolution->bias = true;
  if (auto* linear = std::get_if<LinearOp>(&layer.op)) linear->bias = true;
}

}  // namespace

Status CorrectBiases(Graph& quantized, const Graph& floats, const Images& images) {
  std::map<std::string, NodeId> by_name;
  for (NodeId id = 0; id < floats.size(); ++id) by_name[floats.node(id).name] = id;
  std::vector<NodeId> layers, float_layers;
  for (NodeId id = 0; id < quantized.size(); ++id) {
    if (WeightQuantizerOf(quantized.node(id).op) == nullptr) continue;
    const auto found = by_name.find(quantized.node(id).name);
    SIGNUM_CHECK(found != by_name.end());
    layers.push_back(id);
    float_layers.push_back(found->second);
  }
  SIGNUM_ASSIGN_OR_RETURN(const auto wanted, ChannelMeans(floats, float_layers, images));
  for (size_t i = 0; i < layers.size(); ++i) {
    SIGNUM_ASSIGN_OR_RETURN(const auto got,
                            ChannelMeans(UpTo(quantized, layers[i]), {layers[i]}, images));
    std::vector<double> excess = got[0];
    for (size_t c = 0; c < excess.size(); ++c) excess[c] -= wanted[i][c];
    Subtract(excess, quantized.node(layers[i]));
  }
  return {};
}

}  // namespace signum::calibration
