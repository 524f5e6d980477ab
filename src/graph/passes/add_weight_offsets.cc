#include "graph/passes/add_weight_offsets.h"

#include "base/check.h"
#include "graph/parameters.h"

namespace signum {
namespace {

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

}  // namespace

Graph AddWeightOffsets(const Graph& graph, const std::map<NodeId, std::vector<float>>& offsets) {
  Graph out;
  out.name = graph.name;
  out.class_names = graph.class_names;
  out.metadata = graph.metadata;
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
        out.Add(layer.name + ".inputs", ops.inputs, {moved[layer.inputs[0]]},
                {{"weight", Tensor(ones, std::vector<int8_t>(ones.elements(), 1))},
                 {"weight_scale", Tensor::Filled({1}, 1)}});
    const NodeId offset =
        out.Add(layer.name + ".offset", ops.offset, {inputs},
                {{"weight", Offsets(offsets.at(id), factor, weight.shape().rank())}});
    return out.Add(layer.name + ".shifted", AddOp{}, {value, offset});
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
