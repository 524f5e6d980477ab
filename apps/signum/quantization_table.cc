#include "quantization_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "report/table.h"

namespace signum::apps {
namespace {

struct QuantizedTensor {
  std::string name;
  bool weight = false;
  int bits = 8;
  std::vector<float> scales;  // empty where weights wait to be quantized
  int zero_point = 0;
  int lowest_code = 0, highest_code = 0;  // less the zero-point
};

QuantizedTensor ValueOf(const Graph& graph, const Node& node, const QuantizeOp& op) {
  QuantizedTensor tensor{graph.node(node.inputs[0]).name, false, op.bits};
  tensor.scales = {node.Find("scale")->floats()[0]};
  tensor.zero_point = op.zero_point;
  tensor.lowest_code = op.bits == 1 ? -1 : -op.zero_point;
  tensor.highest_code = op.bits == 1 ? 1 : (1 << op.bits) - 1 - op.zero_point;
  return tensor;
}

QuantizedTensor WeightOf(const Node& node, const WeightQuantizer& quantizer) {
  QuantizedTensor tensor{node.name + ".weight", true, quantizer.bits};
  if (const Tensor* scales = node.Find("weight_scale")) {
    tensor.scales.assign(scales->floats().begin(), scales->floats().end());
  }
  tensor.highest_code = HighestWeightCode(quantizer.bits);
  tensor.lowest_code = LowestWeightCode(quantizer.bits);
  const Tensor& weight = node.parameters.at("weight");
  // Signum leaves this code out; other tools may have used it.
  if (tensor.lowest_code == -128 &&
      (weight.type() != DataType::kInt8 || std::ranges::count(weight.codes(), -128) == 0)) {
    tensor.lowest_code = -127;
  }
  return tensor;
}

std::vector<QuantizedTensor> QuantizedTensors(const Graph& graph) {
  std::vector<QuantizedTensor> tensors;
  for (const Node& node : graph.nodes()) {
    if (const auto* op = std::get_if<QuantizeOp>(&node.op)) {
      tensors.push_back(ValueOf(graph, node, *op));
    } else if (const WeightQuantizer* quantizer = WeightQuantizerOf(node.op)) {
      tensors.push_back(WeightOf(node, *quantizer));
    }
  }
  return tensors;
}

// Nine digits tell any two floats apart.
std::string ScaleText(const std::vector<float>& scales) {
  if (scales.empty()) return "not yet chosen";
  const auto [least, most] = std::minmax_element(scales.begin(), scales.end());
  if (scales.size() == 1) return fmt::format("{:.9g}", *least);
  return fmt::format("{:.9g} to {:.9g}, {} channels", *least, *most, scales.size());
}

// What the codes reach, of the largest scale.
std::string BoundText(const std::vector<float>& scales, int code) {
  if (scales.empty()) return "";
  return fmt::format("{:.4g}",
                     *std::max_element(scales.begin(), scales.end()) * static_cast<float>(code));
}

}  // namespace

std::string QuantizationTable(const Graph& graph) {
  const std::vector<QuantizedTensor> tensors = QuantizedTensors(graph);
  if (tensors.empty()) return "no tensor of this network is quantized\n";
  report::Table table({{"tensor"},
                       {"of"},
                       {"bits", true},
                       {"Y_scale", true},
                       {"Y_zero_point", true},
                       {"lowest", true},
                       {"highest", true}});
  for (const QuantizedTensor& tensor : tensors) {
    table.AddRow({tensor.name, tensor.weight ? "weights" : "values", std::to_string(tensor.bits),
                  ScaleText(tensor.scales), std::to_string(tensor.zero_point),
                  BoundText(tensor.scales, tensor.lowest_code),
                  BoundText(tensor.scales, tensor.highest_code)});
  }
  return table.ToText();
}

nlohmann::ordered_json QuantizationJson(const Graph& graph) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const QuantizedTensor& tensor : QuantizedTensors(graph)) {
    nlohmann::ordered_json entry = {{"tensor", tensor.name},
                                    {"of", tensor.weight ? "weights" : "values"},
                                    {"bits", tensor.bits}};
    if (tensor.weight) {
      entry["scale"] = tensor.scales;
    } else {
      entry["scale"] = tensor.scales[0];
    }
    entry["zero_point"] = tensor.zero_point;
    json.push_back(std::move(entry));
  }
  return json;
}

}  // namespace signum::apps
