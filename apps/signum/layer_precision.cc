#include "layer_precision.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/nearest.h"
#include "toml_settings.h"

namespace signum::apps {
namespace {

constexpr const char* kPerChannel = "per-channel";

// "1" to "8", or "32" for float.
std::optional<int> ParseBits(std::string_view text) {
  if (text == "32") return kFloatBits;
  if (text.size() == 1 && text[0] >= '1' && text[0] <= '8') return text[0] - '0';
  return std::nullopt;
}

std::optional<LayerBits> BitsFromText(std::string_view text) {
  if (text == "float") return LayerBits{kFloatBits, kFloatBits};
  if (const auto both = ParseBits(text)) return LayerBits{*both, *both};
  const size_t a = text.find('a');
  if (text.empty() || text[0] != 'w' || a == std::string_view::npos) return std::nullopt;
  const auto weights = ParseBits(text.substr(1, a - 1)),
             activations = ParseBits(text.substr(a + 1));
  if (!weights || !activations) return std::nullopt;
  if (*weights == kFloatBits && *activations != kFloatBits) return std::nullopt;
  return LayerBits{*weights, *activations};
}

// The number of bits that `node` stands for, or nothing.
std::optional<int> BitsOf(const toml::node* node) {
  if (node == nullptr) return std::nullopt;
  if (node->value<std::string>() == "float") return kFloatBits;
  const auto bits = node->value_exact<int64_t>();
  if (!bits || *bits < 1 || *bits > 8) return std::nullopt;
  return static_cast<int>(*bits);
}

std::string SettingText(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
  return node.is_number() ? fmt::format("{}", node.value_or(0.0)) : "";
}

// Whether layers have a setting of this name.
Status CheckSetting(const std::string& name) {
  std::vector<std::string> names = {"name", "weights", "activations", kPerChannel};
  const train::QuantizationConfig any;
  train::VisitQuantizationSettings(
      any, [&](const char* known, const auto&, const char*) { names.emplace_back(known); });
  if (std::find(names.begin() + 3, names.end(), name) != names.end()) return {};
  const std::string nearest = Nearest(name, names);
  return InvalidArgument(fmt::format("layers have no '{}'{}; beside their bits they may have {}",
                                     name,
                                     nearest.empty() ? "" : " (did you mean '" + nearest + "'?)",
                                     fmt::join(names.begin() + 3, names.end(), ", ")));
}

// Takes what is neither a name nor a precision.
Status TakeSetting(const std::string& setting, const std::string& value, const std::string& pattern,
                   LayerChoice& choice) {
  if (setting != kPerChannel) {
    choice.settings.push_back({pattern, setting, value});
    return CheckSetting(setting);
  }
  if (value != "true" && value != "false") {
    return InvalidArgument(
        fmt::format("{} is true or false, not '{}', for layers '{}'", setting, value, pattern));
  }
  choice.scales = LayerScales{pattern, value == "true"};
  return {};
}

Result<LayerPrecision> ReadPrecision(const toml::table& table, const std::string& name) {
  LayerPrecision precision{name, {}};
  const auto weights = BitsOf(table.get("weights"));
  if (!weights) return InvalidArgument("weights are 1 to 8 (bits) or \"float\"");
  precision.bits.weights = *weights;
  if (*weights == kFloatBits) precision.bits.activations = kFloatBits;
  if (table.get("activations") == nullptr) return precision;
  const auto activations = BitsOf(table.get("activations"));
  if (!activations) return InvalidArgument("activations are 1 to 8 (bits) or \"float\"");
  precision.bits.activations = *activations;
  if (*weights == kFloatBits && *activations != kFloatBits) {
    return InvalidArgument("a layer with float weights reads floats; leave its activations out");
  }
  return precision;
}

Result<LayerChoice> ReadLayer(const toml::table& table) {
  const auto name = table["name"].value<std::string>();
  if (!name) return InvalidArgument("a layer needs a name (or a pattern: \"layer1.*\")");
  LayerChoice choice;
  for (const auto& [key, value] : table) {
    if (key == "name" || key == "weights" || key == "activations") continue;
    const std::string setting(key.str());
    SIGNUM_RETURN_IF_ERROR(TakeSetting(setting, SettingText(value), *name, choice));
  }
  const bool alone = choice.settings.empty() && !choice.scales;
  if (table.contains("weights") || table.contains("activations") || alone) {
    SIGNUM_ASSIGN_OR_RETURN(choice.precision, ReadPrecision(table, *name));
  }
  return choice;
}

}  // namespace

Result<LayerBits> ParseLayerBits(const std::string& text, const std::string& option) {
  if (const auto bits = BitsFromText(text)) return *bits;
  return InvalidArgument(fmt::format(
      "{} {}: takes 1 to 8 (bits), wNaM for weights of N and activations of M bits, or float",
      option, text));
}

std::string LayerBitsText(const LayerBits& bits) {
  if (bits == LayerBits{kFloatBits, kFloatBits}) return "float";
  return fmt::format("w{}a{}", bits.weights, bits.activations);
}

Result<LayerPrecision> ParseLayerPrecision(const std::string& text) {
  const size_t equals = text.rfind('=');
  const auto bits = BitsFromText(
      std::string_view(text).substr(equals == std::string::npos ? text.size() : equals + 1));
  if (equals != std::string::npos && equals > 0 && bits) {
    return LayerPrecision{text.substr(0, equals), *bits};
  }
  return InvalidArgument(fmt::format(
      "--layer '{}': takes PATTERN=wNaM, as in 'layer1.*=w8a8', or PATTERN=float", text));
}

std::string LayerPrecisionText(const LayerPrecision& precision) {
  return precision.pattern + "=" + LayerBitsText(precision.bits);
}

Result<LayerScales> ParseLayerScales(const std::string& text) {
  const size_t equals = text.rfind('=');
  const std::string unit = text.substr(equals == std::string::npos ? text.size() : equals + 1);
  if ((unit != "channel" && unit != "layer") || equals == 0) {
    return InvalidArgument(
        fmt::format("scales '{}': neither PATTERN=channel nor PATTERN=layer", text));
  }
  return LayerScales{text.substr(0, equals), unit == "channel"};
}

std::string LayerScalesText(const LayerScales& scales) {
  return scales.pattern + (scales.per_channel ? "=channel" : "=layer");
}

nlohmann::ordered_json ToJson(const std::vector<LayerPrecision>& layers) {
  auto json = nlohmann::ordered_json::object();
  for (const LayerPrecision& layer : layers) json[layer.pattern] = LayerBitsText(layer.bits);
  return json;
}

Result<LayerChoice> ParseLayerChoice(const std::string& text) {
  LayerChoice choice;
  const size_t equals = std::min(text.find('='), text.size());
  const std::string pattern = text.substr(0, equals);
  bool fits = !pattern.empty() && equals < text.size();
  for (size_t begin = equals + 1; fits && begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string item = text.substr(begin, end - begin);
    begin = end + 1;
    const size_t value = item.find('=');
    if (const auto bits = BitsFromText(item)) {
      choice.precision = LayerPrecision{pattern, *bits};
    } else if (value != std::string::npos) {
      SIGNUM_RETURN_IF_ERROR(
          TakeSetting(item.substr(0, value), item.substr(value + 1), pattern, choice)
              .map_error([&](const Error& e) { return e.In(fmt::format("--layer '{}'", text)); }));
    } else {
      fits = false;
    }
  }
  if (fits) return choice;
  return InvalidArgument(
      fmt::format("--layer '{}': takes PATTERN=wNaM, as in 'layer1.*=w8a8', or PATTERN=float, and "
                  "after a comma settings, as in 'fc=w4a8,weight-method=lsq'",
                  text));
}

void AddLayerChoice(const LayerChoice& choice, QuantizationPolicy& policy,
                    train::QuantizationConfig& config) {
  if (choice.precision) policy.layers.push_back(*choice.precision);
  if (choice.scales) policy.scales.push_back(*choice.scales);
  config.layers.insert(config.layers.end(), choice.settings.begin(), choice.settings.end());
}

std::string PrecisionText(const QuantizationPolicy& policy) {
  const auto text = [](const LayerBits& bits) {
    const std::string low = LayerBitsText(bits);
    return bits == LayerBits{kFloatBits, kFloatBits}
               ? low
               : fmt::format("W{}A{}", bits.weights, bits.activations);
  };
  const LayerBits middle{policy.weight_bits, policy.activation_bits};
  std::string all = fmt::format("{}; first and last layer {}; downsampling {}", text(middle),
                                text(policy.edges), text(policy.downsample.value_or(middle)));
  constexpr size_t kMany = 4;
  if (policy.layers.size() > kMany) {
    LayerBits least = policy.layers[0].bits, most = least;
    for (const LayerPrecision& layer : policy.layers) {
      least.weights = std::min(least.weights, layer.bits.weights);
      least.activations = std::min(least.activations, layer.bits.activations);
      most.weights = std::max(most.weights, layer.bits.weights);
      most.activations = std::max(most.activations, layer.bits.activations);
    }
    all += fmt::format("; {} exceptions {} to {}", policy.layers.size(), text(least), text(most));
  } else {
    for (const LayerPrecision& layer : policy.layers) {
      all += fmt::format("; {} {}", layer.pattern, text(layer.bits));
    }
  }
  if (!policy.per_channel) all += "; a weight scale per layer";
  for (const LayerScales& layer : policy.scales) {
    all += fmt::format("; {} a weight scale per {}", layer.pattern,
                       layer.per_channel ? "channel" : "layer");
  }
  return all;
}

std::string PrecisionAt(const Graph& graph, int bits) {
  if (bits == kFloatBits) return "float";
  if (bits > 0) return PrecisionText({.weight_bits = bits, .activation_bits = bits});
  const auto found = graph.metadata.find("precision");
  if (found != graph.metadata.end()) return found->second;
  const bool quantized = std::any_of(graph.nodes().begin(), graph.nodes().end(), [](const Node& n) {
    return std::holds_alternative<QuantizeOp>(n.op) || WeightQuantizerOf(n.op) != nullptr;
  });
  return quantized ? "quantized, by another tool" : "float";
}

Result<std::vector<LayerChoice>> ReadLayerFile(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const toml::table root, ReadToml(path));
  const toml::array* layers = root["layer"].as_array();
  if (layers == nullptr || root.size() != 1) {
    return InvalidArgument(path +
                           ": holds something else than [[layer]] tables; see signum "
                           "quantize --help");
  }
  std::vector<LayerChoice> choices;
  for (const toml::node& node : *layers) {
    const toml::table* table = node.as_table();
    auto choice =
        table != nullptr ? ReadLayer(*table) : InvalidArgument("a layer is a [[layer]] table");
    if (!choice) {
      return tl::unexpected(
          choice.error().In(fmt::format("{}: line {}", path, node.source().begin.line)));
    }
    choices.push_back(std::move(*choice));
  }
  return choices;
}

}  // namespace signum::apps
