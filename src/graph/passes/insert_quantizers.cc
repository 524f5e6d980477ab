#include "graph/passes/insert_quantizers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "base/nearest.h"
#include "graph/name_pattern.h"
#include "graph/parameters.h"
#include "graph/passes/weight_offsets.h"

namespace signum {
namespace {

constexpr float kUnsetScale = 1;

bool IsLayer(const Node& node) { return WeightQuantizerSlot(node.op) != nullptr; }

// What the policy decides for each node, by id.
struct Plan {
  std::vector<int> weight_bits;    // 0 where the node keeps float weights or has none
  std::vector<bool> reads_codes;   // of layers, and of what stands before one
  std::vector<int> quantize_bits;  // 0 where the node's value gets no quantizer
  std::vector<bool> sign;          // whether 1-bit layers read a sign of that quantizer's codes
  std::vector<bool> reads_sign;    // of these: such a sign
  std::vector<int> residual_bits;  // 0 where sums read what it reads
};

// Where a layer stands in the network.
enum class Place { kMiddle, kEdge, kDownsample };

// What the policy says of one layer.
LayerBits BitsOf(const Node& layer, Place place, const QuantizationPolicy& policy) {
  LayerBits bits{policy.weight_bits, policy.activation_bits};
  if (place == Place::kDownsample) bits = policy.downsample.value_or(bits);
  if (place == Place::kEdge) bits = policy.edges;
  for (const LayerPrecision& exception : policy.layers) {
    if (FitsPattern(layer.name, exception.pattern)) bits = exception.bits;
  }
  return bits;
}

// By the first `exceptions` of the policy's.
bool HasScalePerChannel(const Node& layer, const QuantizationPolicy& policy, size_t exceptions) {
  bool per_channel = policy.per_channel;
  for (size_t i = 0; i < exceptions; ++i) {
    const LayerScales& exception = policy.scales[i];
    if (FitsPattern(layer.name, exception.pattern)) per_channel = exception.per_channel;
  }
  return per_channel;
}

// The value at which a layer's input is best quantized: before what only moves it. A sign stays
// behind that, but before dropout, which in training would move values over its threshold.
NodeId QuantizationPoint(const Graph& graph, NodeId value, int bits) {
  NodeId point = value;
  while (MovesValues(graph.node(value).op) && graph.node(value).inputs.size() == 1 &&
         graph.Readers(value).size() == 1) {
    const bool dropout = std::holds_alternative<DropoutOp>(graph.node(value).op);
    value = graph.node(value).inputs[0];
    if (bits > 1 || dropout) point = value;
  }
  return point;
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

// The layer whose value reaches `value` by operators of one input, or -1.
NodeId LayerBehind(const Graph& graph, NodeId value) {
  while (!IsLayer(graph.node(value)) && graph.node(value).inputs.size() == 1) {
    value = graph.node(value).inputs[0];
  }
  return IsLayer(graph.node(value)) ? value : -1;
}

bool ComesFrom(const Graph& graph, NodeId value, NodeId source) {
  if (value < source) return false;
  std::vector<bool> reached(value + 1);
  reached[source] = true;
  for (NodeId id = source + 1; id <= value; ++id) {
    const std::vector<NodeId>& inputs = graph.node(id).inputs;
    reached[id] =
        std::any_of(inputs.begin(), inputs.end(), [&](NodeId input) { return reached[input]; });
  }
  return reached[value];
}

// The 1x1 convolutions that one operand of a shortcut's sum consists of, where the other is
// computed from what they read.
std::set<NodeId> Downsamples(const Graph& graph, const std::vector<Shape>& shapes) {
  std::set<NodeId> found;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!IsShortcutSum(graph, shapes, id)) continue;
    for (int side : {0, 1}) {
      const NodeId layer = LayerBehind(graph, graph.node(id).inputs[side]);
      if (layer < 0) continue;
      const auto* convolution = std::get_if<ConvolutionOp>(&graph.node(layer).op);
      if (convolution == nullptr || convolution->window.kernel != std::array{1, 1}) continue;
      NodeId source = graph.node(layer).inputs[0];
      // Pooling may come first.
      while (!IsLayer(graph.node(source)) && graph.node(source).inputs.size() == 1 &&
             graph.Readers(source).size() == 1) {
        source = graph.node(source).inputs[0];
      }
      // The other way must lead through a layer, too: else it is the shortcut.
      const NodeId other = LayerBehind(graph, graph.node(id).inputs[1 - side]);
      if (other > source && other != layer && ComesFrom(graph, other, source)) found.insert(layer);
    }
  }
  return found;
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
  const std::set<NodeId> downsamples = Downsamples(graph, shapes);
  Plan plan{std::vector<int>(graph.size()),  std::vector<bool>(graph.size()),
            std::vector<int>(graph.size()),  std::vector<bool>(graph.size()),
            std::vector<bool>(graph.size()), std::vector<int>(graph.size())};
  for (NodeId layer : layers) {
    const bool edge = layer == layers.front() || layer == layers.back();
    const Place place = edge                          ? Place::kEdge
                        : downsamples.contains(layer) ? Place::kDownsample
                                                      : Place::kMiddle;
    const auto [weight_bits, value_bits] = BitsOf(graph.node(layer), place, policy);
    plan.weight_bits[layer] = weight_bits == kFloatBits ? 0 : weight_bits;
    if (value_bits == kFloatBits) continue;
    plan.reads_codes[layer] = true;
    const NodeId point = QuantizationPoint(graph, graph.node(layer).inputs[0], value_bits);
    plan.quantize_bits[point] = std::max(plan.quantize_bits[point], value_bits);
    plan.reads_sign[layer] = value_bits == 1;
    if (value_bits == 1) plan.sign[point] = true;
    // What stands between, of which only dropout may be before a layer of 1-bit values.
    for (NodeId id = graph.node(layer).inputs[0]; id != point; id = graph.node(id).inputs[0]) {
      plan.reads_codes[id] = graph.node(id).inputs[0] == point;
      plan.reads_sign[id] = plan.reads_codes[id] && value_bits == 1;
    }
  }
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (plan.quantize_bits[id] == 1) plan.sign[id] = false;  // its quantizer is the sign
  }
  if (policy.residual_bits != kFloatBits) {
    PlanResiduals(graph, shapes, policy.residual_bits, plan);
  }
  return plan;
}

Status CheckPolicy(const QuantizationPolicy& policy) {
  const auto check = [](const LayerBits& bits, const std::string& what) -> Status {
    const auto fits = [](int b) { return (b >= 1 && b <= 8) || b == kFloatBits; };
    if (fits(bits.weights) && fits(bits.activations)) return {};
    return InvalidArgument(
        fmt::format("{} bits for weights and {} for activations of {}; 1 to 8, or float, are "
                    "possible",
                    bits.weights, bits.activations, what));
  };
  SIGNUM_RETURN_IF_ERROR(check({policy.weight_bits, policy.activation_bits}, "the layers"));
  SIGNUM_RETURN_IF_ERROR(check(policy.edges, "the first and the last layer"));
  if (policy.downsample) {
    SIGNUM_RETURN_IF_ERROR(check(*policy.downsample, "the convolutions on shortcuts"));
  }
  if (policy.residual_bits != kFloatBits &&
      (policy.residual_bits < 2 || policy.residual_bits > 8)) {
    return InvalidArgument(
        fmt::format("{} bits for shortcuts; 2 to 8, or float, are possible", policy.residual_bits));
  }
  for (const LayerPrecision& layer : policy.layers) {
    SIGNUM_RETURN_IF_ERROR(check(layer.bits, "layers '" + layer.pattern + "'"));
  }
  return {};
}

// A pattern that fits nothing is a slip of the pen.
Status CheckPatterns(const Graph& graph, const QuantizationPolicy& policy) {
  std::vector<std::string> names;
  for (NodeId id : Layers(graph)) names.push_back(graph.node(id).name);
  std::vector<std::string> patterns;
  for (const LayerPrecision& layer : policy.layers) patterns.push_back(layer.pattern);
  for (const LayerScales& layer : policy.scales) patterns.push_back(layer.pattern);
  for (const std::string& pattern : patterns) {
    const bool fits = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return FitsPattern(name, pattern);
    });
    if (fits) continue;
    const std::string nearest = Nearest(pattern, names);
    return InvalidArgument(
        fmt::format("no convolution or linear layer is named '{}'{}; `signum info` lists them",
                    pattern, nearest.empty() ? "" : " (did you mean '" + nearest + "'?)"));
  }
  return {};
}

// A Quantize node and its starting parameters for a value of `channels`.
std::pair<QuantizeOp, std::map<std::string, Tensor>> MakeQuantizer(int bits, bool never_negative,
                                                                   const Shape& shape) {
  QuantizeOp op{.bits = bits, .zero_point = never_negative || bits == 1 ? 0 : 1 << (bits - 1)};
  std::map<std::string, Tensor> parameters{{"scale", Tensor::Filled({1}, kUnsetScale)}};
  if (bits == 1) parameters.emplace("shift", Tensor::Filled({shape[1]}, 0.0f));
  return {op, std::move(parameters)};
}

// An exception that changes nothing is a slip of the pen, too.
Status CheckScales(const Graph& graph, const Plan& plan, const QuantizationPolicy& policy) {
  for (size_t i = 0; i < policy.scales.size(); ++i) {
    const auto& [pattern, per_channel] = policy.scales[i];
    bool quantized = false, changes = false;
    for (NodeId id = 0; id < graph.size(); ++id) {
      const Node& node = graph.node(id);
      if (plan.weight_bits[id] == 0 || !FitsPattern(node.name, pattern)) continue;
      quantized = true;
      changes = changes || HasScalePerChannel(node, policy, i) != per_channel;
    }
    if (changes) continue;
    return InvalidArgument(
        fmt::format("per-channel={} does nothing for layers '{}', which have {}; leave it out",
                    per_channel, pattern,
                    !quantized    ? "float weights"
                    : per_channel ? "a weight scale per channel anyway"
                                  : "one weight scale anyway"));
  }
  return {};
}

}  // namespace

void TakeScales(const Graph& from, Graph& to) {
  std::map<std::string_view, const Node*> known;
  for (const Node& node : from.nodes()) {
    if (std::holds_alternative<QuantizeOp>(node.op)) known[node.name] = &node;
  }
  for (NodeId id = 0; id < to.size(); ++id) {
    Node& node = to.node(id);
    if (!std::holds_alternative<QuantizeOp>(node.op)) continue;
    const auto found = known.find(node.name);
    if (found == known.end() || found->second->op != node.op) continue;
    const auto fits = [&](const auto& parameter) {
      const Tensor* learned = found->second->Find(parameter.first);
      return learned != nullptr && learned->shape() == parameter.second.shape();
    };
    if (!std::all_of(node.parameters.begin(), node.parameters.end(), fits)) continue;
    for (auto& [role, tensor] : node.parameters) tensor = *found->second->Find(role);
  }
}

bool NeedsScale(const Node& quantize) { return quantize.Find("scale")->floats()[0] == kUnsetScale; }

Graph StripQuantizers(const Graph& quantized) {
  const Graph graph = FoldWeightOffsets(quantized);
  Graph out = graph.EmptyLike();
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
  SIGNUM_RETURN_IF_ERROR(CheckScales(graph, plan, policy));

  Graph out = graph.EmptyLike();
  std::vector<NodeId> moved(graph.size());      // where a value went
  std::vector<NodeId> quantized(graph.size());  // its quantized form, if any
  std::vector<NodeId> sign(graph.size());       // the sign of that, if 1-bit layers want it
  std::vector<NodeId> kept(graph.size());       // what sums read of it
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node node = graph.node(id);
    const bool layer = IsLayer(node);
    if (plan.weight_bits[id] > 0) {
      *WeightQuantizerSlot(node.op) = WeightQuantizer{
          plan.weight_bits[id], HasScalePerChannel(node, policy, policy.scales.size())};
    }
    const bool sum = IsShortcutSum(graph, shapes, id);
    for (NodeId& input : node.inputs) {
      const bool reads_codes = plan.reads_codes[id] || (!layer && plan.quantize_bits[input] > 1);
      const bool reads_sign = plan.reads_sign[id] && plan.sign[input];
      input = reads_sign    ? sign[input]
              : reads_codes ? quantized[input]
              : sum         ? kept[input]
                            : moved[input];
    }
    moved[id] = quantized[id] = kept[id] =
        out.Add(node.name, std::move(node.op), std::move(node.inputs), std::move(node.parameters));
    const auto quantize = [&](NodeId value, int bits, const char* suffix) {
      auto [op, parameters] = MakeQuantizer(bits, never_negative[id], shapes[id]);
      return out.Add(graph.node(id).name + suffix, op, {value}, std::move(parameters));
    };
    if (plan.residual_bits[id] > 0) {
      kept[id] = quantize(kept[id], plan.residual_bits[id], ".residual");
    }
    if (plan.quantize_bits[id] > 0) {
      quantized[id] = quantize(kept[id], plan.quantize_bits[id], ".quantize");
    }
    if (plan.sign[id]) sign[id] = quantize(quantized[id], 1, ".sign");
  }
  return out;
}

}  // namespace signum
