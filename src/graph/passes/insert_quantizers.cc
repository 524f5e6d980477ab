#include "graph/passes/insert_quantizers.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "graph/parameters.h"

namespace signum {
namespace {

bool IsLayer(const Node& node) { return WeightQuantizerSlot(node.op) != nullptr; }

// What the policy decides for each node, by id.
struct Plan {
  std::vector<int> weight_bits;    // 0 where the node keeps float weights or has none
  std::vector<bool> reads_codes;   // of layers
  std::vector<int> quantize_bits;  // 0 where the node's value gets no quantizer
  std::vector<int> residual_bits;  // 0 where sums read what it reads
};

// Whether `name` fits `pattern`, in which * stands for any characters and ? for one.
bool Fits(const std::string& name, const std::string& pattern) {
  size_t n = 0, p = 0;
  size_t star = std::string::npos, resume = 0;  // the last *, and what it has not taken yet
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string::npos;
}

// What the policy says of one layer; its pattern means nothing.
LayerPrecision PrecisionOf(const Node& layer, bool edge, const QuantizationPolicy& policy) {
  LayerPrecision precision{"", policy.weight_bits, policy.activation_bits};
  if (edge) precision = {"", policy.edge_bits, policy.edge_bits};
  for (const LayerPrecision& exception : policy.layers) {
    if (Fits(layer.name, exception.pattern)) precision = exception;
  }
  return precision;
}

// The value at which a layer's input is best quantized.
NodeId QuantizationPoint(const Graph& graph, NodeId value, int bits) {
  while (bits > 1 && MovesValues(graph.node(value).op) && graph.node(value).inputs.size() == 1 &&
         graph.Readers(value).size() == 1) {
    value = graph.node(value).inputs[0];
  }
  return value;
}

std::vector<NodeId> Layers(const Graph& graph) {
  std::vector<NodeId> layers;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (IsLayer(graph.node(id))) layers.push_back(id);
  }
  return layers;
}

// Whether a node adds two values of an image, one of which waits for the other: a shortcut,
// not a bias, a broadcast or a doubling.
bool IsShortcutSum(const Graph& graph, const std::vector<Shape>& shapes, NodeId id) {
  const std::vector<NodeId>& operands = graph.node(id).inputs;
  return std::holds_alternative<AddOp>(graph.node(id).op) && operands[0] != operands[1] &&
         shapes[operands[0]] == shapes[operands[1]] &&
         std::none_of(operands.begin(), operands.end(), [&](NodeId operand) {
           return std::holds_alternative<ConstantOp>(graph.node(operand).op);
         });
}

// Whether a sum finds codes at `value`, its own or those of what it moves.
bool IsCodes(const Graph& graph, const Plan& plan, NodeId value) {
  for (;; value = graph.node(value).inputs[0]) {
    if (plan.residual_bits[value] > 0 || plan.quantize_bits[value] > 1) return true;
    if (!MovesValues(graph.node(value).op) || graph.node(value).inputs.size() != 1) return false;
  }
}

void PlanResiduals(const Graph& graph, const std::vector<Shape>& shapes, int bits, Plan& plan) {
  std::vector<NodeId> sums;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (IsShortcutSum(graph, shapes, id)) sums.push_back(id);
  }
  for (NodeId sum : sums) {
    for (NodeId operand : graph.node(sum).inputs) {
      if (plan.quantize_bits[operand] == 1) plan.residual_bits[operand] = bits;
    }
  }
  for (NodeId sum : sums) {
    const std::vector<NodeId>& operands = graph.node(sum).inputs;
    const bool floats = std::none_of(operands.begin(), operands.end(),
                                     [&](NodeId operand) { return IsCodes(graph, plan, operand); });
    if (floats) plan.residual_bits[*std::min_element(operands.begin(), operands.end())] = bits;
  }
}

Plan MakePlan(const Graph& graph, const std::vector<Shape>& shapes,
              const QuantizationPolicy& policy) {
  const std::vector<NodeId> layers = Layers(graph);
  Plan plan{std::vector<int>(graph.size()), std::vector<bool>(graph.size()),
            std::vector<int>(graph.size()), std::vector<int>(graph.size())};
  for (NodeId layer : layers) {
    const bool edge = layer == layers.front() || layer == layers.back();
    const LayerPrecision precision = PrecisionOf(graph.node(layer), edge, policy);
    if (precision.weight_bits == kFloatBits) continue;
    plan.weight_bits[layer] = precision.weight_bits;
    const int value_bits = precision.activation_bits;
    if (value_bits == kFloatBits) continue;
    plan.reads_codes[layer] = true;
    int& bits =
        plan.quantize_bits[QuantizationPoint(graph, graph.node(layer).inputs[0], value_bits)];
    bits = std::max(bits, value_bits);
  }
  if (policy.residual_bits != kFloatBits) {
    PlanResiduals(graph, shapes, policy.residual_bits, plan);
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
  if (policy.residual_bits != kFloatBits &&
      (policy.residual_bits < 2 || policy.residual_bits > 8)) {
    return InvalidArgument(
        fmt::format("{} bits for shortcuts; 2 to 8, or float, are possible", policy.residual_bits));
  }
  for (const LayerPrecision& layer : policy.layers) {
    for (int bits : {layer.weight_bits, layer.activation_bits}) {
      if (in_range(bits) || bits == kFloatBits) continue;
      return InvalidArgument(fmt::format("{} bits for layers '{}'; 1 to 8, or float, are possible",
                                         bits, layer.pattern));
    }
  }
  return {};
}

// A pattern that fits nothing is a slip of the pen.
Status CheckPatterns(const Graph& graph, const QuantizationPolicy& policy) {
  std::vector<std::string> names;
  for (NodeId id : Layers(graph)) names.push_back(graph.node(id).name);
  for (const LayerPrecision& layer : policy.layers) {
    const bool fits = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return Fits(name, layer.pattern);
    });
    if (fits) continue;
    const std::string nearest = Nearest(layer.pattern, names);
    return InvalidArgument(
        fmt::format("no convolution or linear layer is named '{}'{}; `signum info` lists them",
                    layer.pattern, nearest.empty() ? "" : " (did you mean '" + nearest + "'?)"));
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
  SIGNUM_RETURN_IF_ERROR(CheckPatterns(graph, policy));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  const std::vector<bool> never_negative = NeverNegative(graph);
  const Plan plan = MakePlan(graph, shapes, policy);

  Graph out = EmptyLike(graph);
  std::vector<NodeId> moved(graph.size());      // where a value went
  std::vector<NodeId> quantized(graph.size());  // its quantized form, if any
  std::vector<NodeId> kept(graph.size());       // what sums read of it
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node node = graph.node(id);
    const bool layer = IsLayer(node);
    if (plan.weight_bits[id] > 0) {
      *WeightQuantizerSlot(node.op) =
          WeightQuantizer{.bits = plan.weight_bits[id], .per_channel = policy.per_channel};
    }
    const bool sum = IsShortcutSum(graph, shapes, id);
    for (NodeId& input : node.inputs) {
      const bool reads_codes = layer ? plan.reads_codes[id] : plan.quantize_bits[input] > 1;
      input = reads_codes ? quantized[input] : sum ? kept[input] : moved[input];
    }
    moved[id] = quantized[id] = kept[id] =
        out.Add(node.name, std::move(node.op), std::move(node.inputs), std::move(node.parameters));
    const auto quantize = [&](int bits, const char* suffix) {
      auto [op, parameters] = MakeQuantizer(bits, never_negative[id], shapes[id]);
      return out.Add(graph.node(id).name + suffix, op, {kept[id]}, std::move(parameters));
    };
    if (plan.residual_bits[id] > 0) kept[id] = quantize(plan.residual_bits[id], ".residual");
    if (plan.quantize_bits[id] > 0) {
      quantized[id] = quantize(plan.quantize_bits[id], ".quantize");
    }
  }
  return out;
}

}  // namespace signum
