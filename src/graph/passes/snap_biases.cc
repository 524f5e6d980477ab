#include "graph/passes/snap_biases.h"

#include <cmath>
#include <limits>

namespace signum {
namespace {

struct Codes {
  float scale = 1;
  int zero_point = 0;
  bool operator==(const Codes&) const = default;
};

// What all inputs of a node have, if it is the same.
std::optional<Codes> CodesOfInputs(const Node& node,
                                   const std::vector<std::optional<Codes>>& codes) {
  const std::optional<Codes> first = codes[node.inputs[0]];
  for (const NodeId input : node.inputs) {
    if (codes[input] != first) return std::nullopt;
  }
  return first;
}

// The multiple of `scale` nearest to `bias`, a whole number, if it is one of int32.
std::optional<double> Multiple(float bias, float scale) {
  const double multiple = std::nearbyint(double{bias} / double{scale});
  constexpr double kLargest = std::numeric_limits<int32_t>::max();
  if (std::fabs(multiple) > kLargest) return std::nullopt;
  return multiple;
}

float OnGrid(double multiple, float scale) { return static_cast<float>(multiple * double{scale}); }

bool HasCodes(const Node& node) {
  if (WeightQuantizerSlot(node.op) == nullptr) return false;
  const Tensor* weight = node.Find("weight");
  return weight != nullptr && weight->type() == DataType::kInt8;
}

}  // namespace

std::vector<std::optional<float>> CodeScales(const Graph& graph) {
  std::vector<std::optional<Codes>> codes(static_cast<size_t>(graph.size()));
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const auto* quantize = std::get_if<QuantizeOp>(&node.op);
    if (quantize != nullptr && quantize->bits >= 2) {
      codes[id] = Codes{node.Find("scale")->floats()[0], quantize->zero_point};
    } else if (MovesValues(node.op)) {
      codes[id] = CodesOfInputs(node, codes);
    }
  }
  std::vector<std::optional<float>> scales;
  for (const auto& value : codes) {
    scales.push_back(value ? std::optional<float>(value->scale) : std::nullopt);
  }
  return scales;
}

std::vector<float> AccumulatorScales(const Node& layer, float input_scale) {
  std::vector<float> scales;
  for (const float weight_scale : layer.Find("weight_scale")->floats()) {
    scales.push_back(input_scale * weight_scale);
    if (!std::isnormal(scales.back())) return {};
  }
  return scales;
}

std::optional<std::vector<int32_t>> BiasMultiples(const Node& layer,
                                                  const std::vector<float>& scales) {
  const Tensor* bias = layer.Find("bias");
  if (bias == nullptr || scales.empty()) return std::nullopt;
  std::vector<int32_t> multiples;
  for (const float value : bias->floats()) {
    const float scale = scales[scales.size() == 1 ? 0 : multiples.size()];
    const std::optional<double> multiple = Multiple(value, scale);
    if (!multiple || OnGrid(*multiple, scale) != value) return std::nullopt;
    multiples.push_back(static_cast<int32_t>(*multiple));
  }
  return multiples;
}

Graph SnapBiases(const Graph& graph) {
  Graph out = graph;
  const auto codes = CodeScales(graph);
  for (NodeId id = 0; id < out.size(); ++id) {
    Node& layer = out.node(id);
    if (!HasCodes(layer) || layer.Find("bias") == nullptr || !codes[layer.inputs[0]]) continue;
    const std::vector<float> scales = AccumulatorScales(layer, *codes[layer.inputs[0]]);
    if (scales.empty()) continue;
    const auto values = layer.parameters.at("bias").floats();
    for (size_t c = 0; c < values.size(); ++c) {
      const float scale = scales[scales.size() == 1 ? 0 : c];
      if (const auto multiple = Multiple(values[c], scale)) values[c] = OnGrid(*multiple, scale);
    }
  }
  return out;
}

}  // namespace signum
