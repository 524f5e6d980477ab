#include "graph/passes/fold_batch_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "graph/parameters.h"

namespace signum {
namespace {

bool AllFinite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

// Returns whether every new weight is finite; else changes nothing.
bool FoldFloats(Tensor& weight, const ChannelAffine& affine) {
  const int64_t length = weight.elements() / weight.shape()[0];
  std::vector<float> folded(weight.floats().begin(), weight.floats().end());
  for (int64_t i = 0; i < weight.elements(); ++i) {
    folded[i] = static_cast<float>(folded[i] * affine.factor[i / length]);
  }
  if (!AllFinite(folded)) return false;
  weight = Tensor(weight.shape(), std::move(folded));
  return true;
}

// Returns whether every new scale is a normal float above zero, and every new code one of 8 bits;
// else changes nothing.
bool FoldCodes(Node& layer, const ChannelAffine& affine) {
  const Tensor& scale = *layer.Find("weight_scale");
  std::vector<float> scales;
  for (size_t c = 0; c < affine.factor.size(); ++c) {
    const double alpha = scale.floats()[scale.elements() == 1 ? 0 : c];
    scales.push_back(static_cast<float>(alpha * std::fabs(affine.factor[c])));
    if (!std::isfinite(scales[c]) || scales[c] < std::numeric_limits<float>::min()) return false;
  }
  Tensor& weight = layer.parameters.at("weight");
  const int64_t length = weight.elements() / weight.shape()[0];
  // -128, which another tool may have made, has no opposite.
  for (int64_t i = 0; i < weight.elements(); ++i) {
    if (affine.factor[i / length] < 0 && weight.codes()[i] == INT8_MIN) return false;
  }
  for (int64_t i = 0; i < weight.elements(); ++i) {
    if (affine.factor[i / length] < 0) weight.codes()[i] = static_cast<int8_t>(-weight.codes()[i]);
  }
  (*WeightQuantizerSlot(layer.op))->per_channel = true;
  layer.parameters["weight_scale"] = Tensor({weight.shape()[0]}, std::move(scales));
  return true;
}

// The layer's bias with the batch norm in it.
std::vector<float> FoldedBias(const Node& layer, const ChannelAffine& affine) {
  const Tensor* old = layer.Find("bias");
  std::vector<float> bias;
  for (size_t c = 0; c < affine.factor.size(); ++c) {
    const double before = old == nullptr ? 0.0 : old->floats()[c];
    bias.push_back(static_cast<float>(before * affine.factor[c] + affine.term[c]));
  }
  return bias;
}

// Changes the layer only where every number of the folded one is finite.
bool Fold(Node& layer, const Node& norm) {
  const auto* quantizer = WeightQuantizerSlot(layer.op);
  if (quantizer == nullptr) return false;
  Tensor& weight = layer.parameters.at("weight");
  const bool codes = weight.type() == DataType::kInt8;
  if (*quantizer && !codes) return false;
  const ChannelAffine affine = BatchNormAffine(norm);
  std::vector<float> bias = FoldedBias(layer, affine);
  if (!AllFinite(bias)) return false;
  if (!(codes ? FoldCodes(layer, affine) : FoldFloats(weight, affine))) return false;
  const auto channels = static_cast<int64_t>(bias.size());
  layer.parameters["bias"] = Tensor({channels}, std::move(bias));
  if (auto* convolution = std::get_if<ConvolutionOp>(&layer.op)) convolution->bias = true;
  if (auto* linear = std::get_if<LinearOp>(&layer.op)) linear->bias = true;
  return true;
}

}  // namespace

Graph FoldBatchNorm(const Graph& graph) {
  Graph out = graph.EmptyLike();
  std::vector<NodeId> moved(graph.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node node = graph.node(id);
    const bool norm = std::holds_alternative<BatchNormOp>(node.op);
    if (norm && graph.Readers(node.inputs[0]).size() == 1 &&
        Fold(out.node(moved[node.inputs[0]]), node)) {
      moved[id] = moved[node.inputs[0]];
      continue;
    }
    for (NodeId& input : node.inputs) input = moved[input];
    moved[id] = out.Add(std::move(node.name), std::move(node.op), std::move(node.inputs),
                        std::move(node.parameters));
  }
  return out;
}

}  // namespace signum
