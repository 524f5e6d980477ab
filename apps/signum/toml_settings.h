// Settings to and from TOML tables, by their types: for args.toml and for recipes.
#ifndef SIGNUM_APPS_TOML_SETTINGS_H_
#define SIGNUM_APPS_TOML_SETTINGS_H_

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/file.h"
#include "graph/passes/insert_quantizers.h"
#include "layer_precision.h"
#include "train/config.h"

namespace signum::apps {

template <typename T>
inline constexpr bool kIsList = std::is_same_v<T, std::vector<double>>;
template <typename T>
inline constexpr bool kIsLayers = std::is_same_v<T, std::vector<LayerPrecision>>;
template <typename T>
inline constexpr bool kIsScales = std::is_same_v<T, std::vector<LayerScales>>;
template <typename T>
inline constexpr bool kIsSettings = std::is_same_v<T, std::vector<train::LayerSetting>>;
template <typename T>
inline constexpr bool kIsBits =
    std::is_same_v<T, LayerBits> || std::is_same_v<T, std::optional<LayerBits>>;

// The tables of a file's text. An error names the file and the line.
inline Result<toml::table> ParseToml(std::string_view text, const std::string& path) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return Corrupt(
        fmt::format("{}: line {}: {}", path, error.source().begin.line, error.description()));
  }
}
inline Result<toml::table> ReadToml(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, base::ReadFile(path));
  return ParseToml({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

// Visits the precisions of a network.
template <typename Policy, typename Visit>
void VisitPolicy(Policy& p, Visit&& visit) {
  visit("weights", p.weight_bits);
  visit("activations", p.activation_bits);
  visit("per-channel", p.per_channel);
  visit("edges", p.edges);
  visit("downsample", p.downsample);
  visit("residual-bits", p.residual_bits);
  visit("layers", p.layers);
  visit("scales", p.scales);
}

// "wNaM", "float", or nothing.
inline std::string BitsText(const std::optional<LayerBits>& bits) {
  return bits ? LayerBitsText(*bits) : "";
}

template <typename T>
void Put(toml::table& table, const char* name, const T& value) {
  if constexpr (kIsList<T>) {
    toml::array list;
    for (double number : value) list.push_back(number);
    table.insert(name, std::move(list));
  } else if constexpr (kIsLayers<T>) {
    toml::array list;
    for (const LayerPrecision& layer : value) list.push_back(LayerPrecisionText(layer));
    table.insert(name, std::move(list));
  } else if constexpr (kIsScales<T>) {
    toml::array list;
    for (const LayerScales& layer : value) list.push_back(LayerScalesText(layer));
    table.insert(name, std::move(list));
  } else if constexpr (kIsSettings<T>) {
    toml::array list;
    for (const train::LayerSetting& setting : value) {
      list.push_back(toml::array{setting.pattern, setting.name, setting.value});
    }
    table.insert(name, std::move(list));
  } else if constexpr (kIsBits<T>) {
    table.insert(name, BitsText(value));
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    table.insert(name, static_cast<int64_t>(value));
  } else {
    table.insert(name, value);
  }
}

// Exceptions by layer, each a text that `parse` reads.
template <typename Layer, typename Parse>
void TakeLayers(const toml::node& node, const char* name, std::vector<Layer>& layers, Parse&& parse,
                std::string& fault) {
  const toml::array* list = node.as_array();
  if (list == nullptr) {
    fault = fmt::format("'{}' is not a list", name);
    return;
  }
  layers.clear();
  for (const toml::node& item : *list) {
    const auto layer = parse(item.value_or<std::string>(""));
    if (!layer) fault = layer.error().message;
    layers.push_back(layer.value_or(Layer()));
  }
}

inline void TakeSettings(const toml::node& node, std::vector<train::LayerSetting>& settings,
                         std::string& fault) {
  const toml::array* list = node.as_array();
  settings.clear();
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const toml::array* parts = (*list)[i].as_array();
    if (parts == nullptr || parts->size() != 3) {
      list = nullptr;
      break;
    }
    const auto part = [&](size_t at) { return (*parts)[at].value_or<std::string>(""); };
    settings.push_back({part(0), part(1), part(2)});
  }
  if (list == nullptr) fault = "'layer-settings' is not a list of pattern, name and value";
}

template <typename Bits>
void TakeBits(const toml::node& node, Bits& bits, std::string& fault) {
  const auto number = node.value_exact<int64_t>();
  const std::string text = number ? std::to_string(*number) : node.value_or<std::string>("");
  const bool none = node.is_string() && text.empty();
  if (none && std::is_same_v<Bits, std::optional<LayerBits>>) return;
  const auto read = ParseLayerBits(text, "a precision of");
  if (!read) {
    fault = read.error().message;
  } else {
    bits = *read;
  }
}

// Reads `name` into `value`, if it is there, and says whether; a key of the wrong type is named in
// `fault`.
template <typename T>
bool Take(const toml::table& table, const char* name, T& value, std::string& fault) {
  const toml::node* node = table.get(name);
  if (node == nullptr) return false;
  if constexpr (std::is_same_v<T, int>) {  // bits
    if (node->value<std::string>() == "float") {
      value = kFloatBits;
      return true;
    }
  }
  if constexpr (kIsLayers<T>) {
    TakeLayers(*node, name, value, ParseLayerPrecision, fault);
  } else if constexpr (kIsScales<T>) {
    TakeLayers(*node, name, value, ParseLayerScales, fault);
  } else if constexpr (kIsSettings<T>) {
    TakeSettings(*node, value, fault);
  } else if constexpr (kIsBits<T>) {
    TakeBits(*node, value, fault);
  } else if constexpr (kIsList<T>) {
    const toml::array* list = node->as_array();
    if (list == nullptr) {
      fault = fmt::format("'{}' is not a list of numbers", name);
      return true;
    }
    value.clear();
    for (const toml::node& item : *list) {
      const auto number = item.value<double>();
      if (!number) fault = fmt::format("'{}' is not a list of numbers", name);
      value.push_back(number.value_or(0));
    }
  } else if constexpr (std::is_same_v<T, uint64_t>) {  // TOML's integers are signed
    const auto read = node->value<int64_t>();
    if (!read) fault = fmt::format("'{}' has the wrong type", name);
    value = static_cast<uint64_t>(read.value_or(0));
  } else {
    const auto read = node->value<T>();
    if (!read) fault = fmt::format("'{}' has the wrong type", name);
    value = read.value_or(value);
  }
  return true;
}

}  // namespace signum::apps

#endif  // SIGNUM_APPS_TOML_SETTINGS_H_
