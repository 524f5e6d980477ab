#include "train/layer_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <type_traits>

#include "graph/name_pattern.h"
#include "graph/passes/insert_quantizers.h"

namespace signum::train {
namespace {

bool Read(const std::string& text, std::string& field) {
  field = text;
  return true;
}
bool Read(const std::string& text, bool& field) {
  field = text == "true";
  return text == "true" || text == "false";
}
bool Read(const std::string& text, double& field) {
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, field);
  return error == std::errc() && next == end;
}

}  // namespace

Status Apply(const LayerSetting& setting, QuantizationConfig& config) {
  bool known = false, read = false;
  std::string names;
  VisitQuantizationSettings(config, [&](const char* name, auto& field, const char*) {
    names += (names.empty() ? "" : ", ") + std::string(name);
    if (setting.name != name) return;
    known = true;
    read = Read(setting.value, field);
  });
  if (!known) {
    return InvalidArgument(
        fmt::format("layers have no setting '{}'; they may have {}", setting.name, names));
  }
  if (read) return {};
  return InvalidArgument(fmt::format("{} cannot be '{}' for layers '{}'", setting.name,
                                     setting.value, setting.pattern));
}

Result<QuantizationConfig> ConfigOfLayer(const QuantizationConfig& config,
                                         const std::string& name) {
  QuantizationConfig own = config;
  own.layers.clear();
  for (const LayerSetting& setting : config.layers) {
    if (!FitsPattern(name, setting.pattern)) continue;
    SIGNUM_RETURN_IF_ERROR(Apply(setting, own));
  }
  return own;
}

NodeId QuantizerOfValue(const Graph& graph, NodeId value) {
  while (MovesValues(graph.node(value).op) && graph.node(value).inputs.size() == 1) {
    value = graph.node(value).inputs[0];
  }
  return std::holds_alternative<QuantizeOp>(graph.node(value).op) ? value : -1;
}

int LeastBits(const Graph& graph) {
  int bits = kFloatBits;
  for (const Node& node : graph.nodes()) {
    if (const auto* quantizer = WeightQuantizerOf(node.op)) bits = std::min(bits, quantizer->bits);
  }
  return bits;
}

}  // namespace signum::train
