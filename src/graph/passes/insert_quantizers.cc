#include "graph/passes/insert_quantizers.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "graph/parameters.h"

namespace signum {
namespace {

bool IsLayer(const Node& node) { return WeightQuantizerSlot(node.op) != nullptr; }

// What the policy decides for each node, by id.
struct Plan {
  std::vector<int> weight_bits;    // 0 where the node keeps float weights or has none
  std::vector<int> quantize_bits;  // 0 where the node's value gets no quantizer
};

// The value at which a layer's input is best quantized.
NodeId QuantizationPoint(const Graph& graph, NodeId value, int bits) {
  while (bits > 1 && MovesValues(graph.node(value).op) && graph.node(value).inputs.size() == 1 &&
         graph.Readers(value).size() == 1) {
    value = graph.node(value).inputs[0];
  }
  return value;
}

Plan MakePlan(const Graph& graph, const QuantizationPolicy& policy) {
  std::vector<NodeId> layers;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (IsLayer(graph.node(id))) layers.push_back(id);
  }
  Plan plan{std::vector<int>(graph.size()), std::vector<int>(graph.size())};
  for (NodeId layer : layers) {
    const bool edge = layer == layers.front() || layer == layers.back();
    const int weight_bits = edge ? policy.edge_bits : policy.weight_bits;
    if (weight_bits == kFloatBits) continue;
    const int value_bits = edge ? policy.edge_bits : policy.activation_bits;
    plan.weight_bits[layer] = weight_bits;
    int& bits =
        plan.quantize_bits[QuantizationPoint(graph, graph.node(layer).inputs[0], value_bits)];
    bits = std::max(bits, value_bits);
  }
  return plan;
}

Status CheckPolicy(const QuantizationPolicy& policy) {
  const auto in_range = [](int bits) { return bits >= 1 && bits <= 8; };
  if (!in_range(policy.weight_bits) || !in_range(policy.activation_bits)) {
    return InvalidArgument(fmt::format("{} weight bits and {} activation bits; 1 to 8 are possible",
                                       policy.weight_bits, policy.activation_bits));
  }
  if (policy.edge_bits != kFloatBits && (policy.edge_bits < 2 || policy.edge_bits > 8)) {
    return InvalidArgument(fmt::format(
        "{} bits for the first and last layer; 2 to 8, or float, are possible", policy.edge_bits));
  }
  return {};
}

// A Quantize node and its starting parameters for a value of `channels`.
std::pair<QuantizeOp, std::map<std::string, Tensor>> MakeQuantizer(int bits, bool never_negative,
                                                                   const Shape& shape) {
  QuantizeOp op{.bits = bits, .zero_point = never_negative || bits == 1 ? 0 : 1 << (bits - 1)};
  std::map<std::string, Tensor> parameters{{"scale", Tensor::Filled({1}, 1.0f)}};
  if (bits == 1) parameters.emplace("shift", Tensor::Filled({shape[1]}, 0.0f));
  return {op, std::move(parameters)};
}

Graph EmptyLike(const Graph& graph) {
  Graph copy;
  copy.name = graph.name;
  copy.class_names = graph.class_names;
  copy.metadata = graph.metadata;
  return copy;
}

}  // namespace

Graph StripQuantizers(const Graph& graph) {
  Graph out = EmptyLike(graph);
  std::vector<NodeId> moved(graph.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node node = graph.node(id);
    if (std::holds_alternative<QuantizeOp>(node.op)) {
      moved[id] = moved[node.inputs[0]];
      continue;
    }
    if (auto* quantizer = WeightQuantizerSlot(node.op)) quantizer->reset();
    if (auto* convolution = std::get_if<ConvolutionOp>(&node.op)) convolution->pad_code = 0;
    if (node.Find("weight_scale") != nullptr) {
      node.parameters["weight"] = FloatWeight(node);
      node.parameters.erase("weight_scale");
    }
    for (NodeId& input : node.inputs) input = moved[input];
    moved[id] = out.Add(std::move(node.name), std::move(node.op), std::move(node.inputs),
                        std::move(node.parameters));
  }
  return out;
}

Result<Graph> InsertQuantizers(const Graph& quantized_or_float, const QuantizationPolicy& policy) {
  SIGNUM_RETURN_IF_ERROR(CheckPolicy(policy));
  const Graph graph = StripQuantizers(quantized_or_float);
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  const std::vector<bool> never_negative = NeverNegative(graph);
  const Plan plan = MakePlan(graph, policy);

  Graph out = EmptyLike(graph);
  std::vector<NodeId> moved(graph.size());      // where a value went
  std::vector<NodeId> quantized(graph.size());  // its quantized form, if any
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node node = graph.node(id);
    const bool layer = IsLayer(node);
    if (plan.weight_bits[id] > 0) {
      *WeightQuantizerSlot(node.op) =
          WeightQuantizer{.bits = plan.weight_bits[id], .per_channel = policy.per_channel};
    }
    for (NodeId& input : node.inputs) {
      const bool reads_codes = layer ? plan.weight_bits[id] > 0 : plan.quantize_bits[input] > 1;
      input = reads_codes ? quantized[input] : moved[input];
    }
    moved[id] = quantized[id] =
        out.Add(node.name, std::move(node.op), std::move(node.inputs), std::move(node.parameters));
    if (plan.quantize_bits[id] > 0) {
      auto [op, parameters] = MakeQuantizer(plan.quantize_bits[id], never_negative[id], shapes[id]);
      quantized[id] = out.Add(node.name + ".quantize", op, {moved[id]}, std::move(parameters));
    }
  }
  return out;
}

}  // namespace signum
