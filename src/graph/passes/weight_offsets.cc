#include "graph/passes/weight_offsets.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "base/check.h"
#include "graph/parameters.h"

namespace signum {
namespace {

constexpr const char *kInputs = kOffsetNames[0], *kOffset = kOffsetNames[1],
                     *kShifted = kOffsetNames[2];

constexpr WeightQuantizer kBits = {.bits = 1, .per_channel = false};

// A convolution and one that spreads its channels, or two linear layers.
struct OffsetOps {
  Op inputs, offset;
  int64_t sums = 1;
};

OffsetOps OpsFor(const Op& layer) {
  if (const auto* linear = std::get_if<LinearOp>(&layer)) {
    return {.inputs = LinearOp{.output_features = 1, .bias = false, .weight_quantizer = kBits},
            .offset = LinearOp{.output_features = linear->output_features, .bias = false}};
  }
  ConvolutionOp inputs = std::get<ConvolutionOp>(layer);
  const ConvolutionOp offset = {
      .output_channels = inputs.output_channels, .groups = inputs.groups, .bias = false};
  inputs.output_channels = inputs.groups;
  inputs.bias = false;
  inputs.weight_quantizer = kBits;
  return {.inputs = inputs, .offset = offset, .sums = inputs.groups};
}

Tensor Offsets(const std::vector<float>& offsets, const std::vector<double>& factor, size_t rank) {
  std::vector<float> values;
  for (size_t c = 0; c < offsets.size(); ++c) {
    values.push_back(static_cast<float>(offsets[c] * (factor.empty() ? 1 : factor[c])));
  }
  std::vector<int64_t> shape(rank, 1);
  shape[0] = static_cast<int64_t>(values.size());
  return {Shape(shape), std::move(values)};
}

// What AddWeightOffsets made of a layer, and where its batch norm is, if that was not folded.
struct Shifted {
  NodeId layer, inputs, offset;
  std::optional<NodeId> norm;
};

// Whether `reader` alone reads the value.
bool IsReadBy(const Graph& graph, NodeId value, NodeId reader) {
  return graph.Readers(value) == std::vector{reader};
}

// Whether these are the layers that AddWeightOffsets adds beside `layer`.
bool AreAdded(const Graph& graph, const Shifted& nodes) {
  const Node& layer = graph.node(nodes.layer);
  const Node& inputs = graph.node(nodes.inputs);
  const Node& offset = graph.node(nodes.offset);
  if (WeightQuantizerOf(layer.op) == nullptr) return false;
  const OffsetOps ops = OpsFor(layer.op);
  if (inputs.op != ops.inputs || offset.op != ops.offset || inputs.inputs != layer.inputs) {
    return false;
  }
  const auto one = [](auto number) { return number == 1; };
  const Tensor *ones = inputs.Find("weight"), *scale = inputs.Find("weight_scale");
  return layer.Find("weight")->type() == DataType::kInt8 && ones->type() == DataType::kInt8 &&
         std::all_of(ones->codes().begin(), ones->codes().end(), one) &&
         std::all_of(scale->floats().begin(), scale->floats().end(), one);
}

// Of the sum `id`, if it is such a one.
std::optional<Shifted> ShiftedAt(const Graph& graph, NodeId id) {
  const Node& sum = graph.node(id);
  if (!std::holds_alternative<AddOp>(sum.op)) return {};
  Shifted found{.layer = sum.inputs[0], .inputs = 0, .offset = sum.inputs[1], .norm = {}};
  if (!IsReadBy(graph, found.layer, id) || !IsReadBy(graph, found.offset, id)) return {};
  if (std::holds_alternative<BatchNormOp>(graph.node(found.layer).op)) {
    found.norm = found.layer;
    found.layer = graph.node(found.layer).inputs[0];
    if (!IsReadBy(graph, found.layer, *found.norm)) return {};
  }
  const std::string& name = graph.node(found.layer).name;
  if (sum.name != name + kShifted || graph.node(found.offset).name != name + kOffset) return {};
  found.inputs = graph.node(found.offset).inputs[0];
  if (graph.node(found.inputs).name != name + kInputs) return {};
  if (!IsReadBy(graph, found.inputs, found.offset) || !AreAdded(graph, found)) return {};
  return found;
}

// The layer's weight with its offsets, in floats.
Tensor WithOffsets(const Graph& graph, const Shifted& shifted) {
  const std::span<const float> offsets = graph.node(shifted.offset).Find("weight")->floats();
  const ChannelAffine affine =
      shifted.norm ? BatchNormAffine(graph.node(*shifted.norm)) : ChannelAffine{};
  Tensor weight = FloatWeight(graph.node(shifted.layer));
  const int64_t length = weight.elements() / weight.shape()[0];
  for (int64_t i = 0; i < weight.elements(); ++i) {
    const double factor = shifted.norm ? affine.factor[i / length] : 1;
    // Where the factor is 0 the offset was lost, and does nothing.
    if (factor != 0) weight.floats()[i] += static_cast<float>(offsets[i / length] / factor);
  }
  return weight;
}

}  // namespace

Graph FoldWeightOffsets(const Graph& graph) {
  std::map<NodeId, Shifted> sums;
  std::map<NodeId, Tensor> weights;
  std::set<NodeId> added;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const std::optional<Shifted> shifted = ShiftedAt(graph, id);
    if (!shifted) continue;
    sums.emplace(id, *shifted);
    weights.emplace(shifted->layer, WithOffsets(graph, *shifted));
    added.insert({shifted->inputs, shifted->offset});
  }
  if (sums.empty()) return graph;
  Graph out = graph.EmptyLike();
  std::vector<NodeId> moved(graph.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (added.contains(id)) continue;
    Node node = graph.node(id);
    if (sums.contains(id)) {
      moved[id] = moved[node.inputs[0]];
      continue;
    }
    if (const auto weight = weights.find(id); weight != weights.end()) {
      WeightQuantizerSlot(node.op)->reset();
      node.parameters["weight"] = weight->second;
      node.parameters.erase("weight_scale");
    }
    for (NodeId& input : node.inputs) input = moved[input];
    moved[id] = out.Add(std::move(node.name), std::move(node.op), std::move(node.inputs),
                        std::move(node.parameters));
  }
  return out;
}

Graph AddWeightOffsets(const Graph& graph, const std::map<NodeId, std::vector<float>>& offsets) {
  Graph out = graph.EmptyLike();
  std::vector<NodeId> moved(graph.size());
  // Adds to `value`, of layer `id` or of the batch norm after it, whose factors these are.
  const auto shifted = [&](NodeId id, NodeId value, const std::vector<double>& factor) {
    const Node& layer = graph.node(id);
    const OffsetOps ops = OpsFor(layer.op);
    const Tensor& weight = *layer.Find("weight");
    std::vector<int64_t> shape = weight.shape().sizes();
    shape[0] = ops.sums;
    const Shape ones(shape);
    const NodeId inputs =
        out.Add(layer.name + kInputs, ops.inputs, {moved[layer.inputs[0]]},
                {{"weight", Tensor(ones, std::vector<int8_t>(ones.elements(), 1))},
                 {"weight_scale", Tensor::Filled({1}, 1)}});
    const NodeId offset =
        out.Add(layer.name + kOffset, ops.offset, {inputs},
                {{"weight", Offsets(offsets.at(id), factor, weight.shape().rank())}});
    return out.Add(layer.name + kShifted, AddOp{}, {value, offset});
  };
  const auto normalized = [&](NodeId layer) {
    const std::vector<NodeId> readers = graph.Readers(layer);
    return readers.size() == 1 && std::holds_alternative<BatchNormOp>(graph.node(readers[0]).op);
  };
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    std::vector<NodeId> sources;
    for (NodeId input : node.inputs) sources.push_back(moved[input]);
    moved[id] = out.Add(node.name, node.op, std::move(sources), node.parameters);
    if (offsets.contains(id)) {
      SIGNUM_CHECK(node.Find("weight")->type() == DataType::kInt8);
      if (!normalized(id)) moved[id] = shifted(id, moved[id], {});
    } else if (std::holds_alternative<BatchNormOp>(node.op) && offsets.contains(node.inputs[0]) &&
               normalized(node.inputs[0])) {
      moved[id] = shifted(node.inputs[0], moved[id], BatchNormAffine(node).factor);
    }
  }
  return out;
}

}  // namespace signum
