#include "graph/cost.h"

#include <algorithm>

#include "base/check.h"

namespace signum {
namespace {

int64_t BytesOfBits(int64_t bits) { return (bits + 7) / 8; }

int WeightBits(const Node& node) {
  const auto* quantizer = WeightQuantizerSlot(node.op);
  if (quantizer == nullptr) return 0;
  return *quantizer ? (*quantizer)->bits : 32;
}

// By node id, the quantizer whose codes the node's value holds, or -1 for floats.
std::vector<NodeId> CodesOf(const Graph& graph) {
  constexpr NodeId kFloats = -1;
  const auto same_codes = [&](NodeId a, NodeId b) {
    if (a == b) return true;
    if (a == kFloats || b == kFloats) return false;
    const Node &left = graph.node(a), &right = graph.node(b);
    return left.op == right.op && left.parameters == right.parameters;
  };
  std::vector<NodeId> codes(graph.size(), kFloats);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (std::holds_alternative<QuantizeOp>(node.op)) codes[id] = id;
    if (!MovesValues(node.op)) continue;
    const NodeId first = codes[node.inputs[0]];
    const bool same = std::all_of(node.inputs.begin(), node.inputs.end(),
                                  [&](NodeId input) { return same_codes(codes[input], first); });
    codes[id] = same ? first : kFloats;
  }
  return codes;
}

int ValueBits(const Graph& graph, NodeId codes) {
  return codes < 0 ? 32 : std::get<QuantizeOp>(graph.node(codes).op).bits;
}

int64_t Macs(const Node& node, const std::vector<Shape>& shapes, const Shape& out) {
  if (std::holds_alternative<MatMulOp>(node.op)) {
    const Shape& left = shapes[node.inputs[0]];
    return out.elements() * left[left.rank() - 1];
  }
  if (std::holds_alternative<ConvTransposeOp>(node.op)) {
    // Every input pixel takes the whole weight.
    const Shape& in = shapes[node.inputs[0]];
    return in[2] * in[3] * node.Find("weight")->elements();
  }
  if (WeightQuantizerSlot(node.op) == nullptr) return 0;
  const Tensor* weight = node.Find("weight");
  SIGNUM_CHECK(weight != nullptr);
  // Every output element takes one row of the weight.
  return out.elements() * (weight->elements() / weight->shape()[0]);
}

}  // namespace

std::vector<NodeCost> Costs(const Graph& graph) {
  const Result<std::vector<Shape>> shapes = InferShapes(graph);
  SIGNUM_CHECK(shapes.has_value());
  const std::vector<NodeId> codes = CodesOf(graph);
  std::vector<NodeCost> costs(graph.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    NodeCost& cost = costs[id];
    cost.weight_bits = WeightBits(node);
    for (const auto& [role, tensor] : node.parameters) {
      const bool buffer = role == "running_mean" || role == "running_var";
      // Constants, like scales, are stored but do not learn.
      const bool scale = role == "weight_scale" || role == "scale" || role == "value";
      const bool weight = role == "weight" && cost.weight_bits > 0;
      if (buffer) cost.buffers += tensor.elements();
      if (!buffer && !scale) cost.parameters += tensor.elements();
      cost.weight_bytes += BytesOfBits(tensor.elements() * (weight ? cost.weight_bits : 32));
    }
    // Weights that are quantized but not yet held as codes will get scales.
    if (cost.weight_bits > 0 && cost.weight_bits < 32 && node.Find("weight_scale") == nullptr) {
      const Tensor& weight = *node.Find("weight");
      const bool per_channel = (*WeightQuantizerSlot(node.op))->per_channel;
      cost.weight_bytes += 4 * (per_channel ? weight.shape()[0] : 1);
    }
    cost.macs = Macs(node, *shapes, (*shapes)[id]);
    cost.value_bits = ValueBits(graph, codes[id]);
    cost.activation_bytes = BytesOfBits((*shapes)[id].elements() * cost.value_bits);
  }
  return costs;
}

NodeCost TotalCost(const std::vector<NodeCost>& costs) {
  NodeCost total;
  for (const NodeCost& cost : costs) {
    total.parameters += cost.parameters;
    total.buffers += cost.buffers;
    total.macs += cost.macs;
    total.weight_bytes += cost.weight_bytes;
    total.activation_bytes += cost.activation_bytes;
  }
  total.value_bits = 0;
  return total;
}

}  // namespace signum
