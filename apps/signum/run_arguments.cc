#include "run_arguments.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string_view>
#include <type_traits>

#include "base/file.h"
#include "layer_precision.h"

namespace signum::apps {
namespace {

template <typename T>
inline constexpr bool kIsList = std::is_same_v<T, std::vector<double>>;
template <typename T>
inline constexpr bool kIsLayers = std::is_same_v<T, std::vector<LayerPrecision>>;

// Visits the arguments that are not settings of training, likewise once for both
// directions.
template <typename Arguments, typename Visit>
void VisitArguments(Arguments& a, Visit&& visit) {
  visit("verb", a.verb);
  visit("model", a.model);
  visit("data", a.data);
  visit("data-folder", a.data_folder);
  visit("teacher", a.teacher);
  visit("output", a.output);
  visit("input", a.zoo.input);
  visit("classes", a.zoo.classes);
  visit("variant", a.zoo.variant);
}

template <typename Policy, typename Visit>
void VisitPolicy(Policy& p, Visit&& visit) {
  visit("weights", p.weight_bits);
  visit("activations", p.activation_bits);
  visit("per-channel", p.per_channel);
  visit("edge-bits", p.edge_bits);
  visit("residual-bits", p.residual_bits);
  visit("layers", p.layers);
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
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    table.insert(name, static_cast<int64_t>(value));
  } else {
    table.insert(name, value);
  }
}

void TakeLayers(const toml::node& node, std::vector<LayerPrecision>& layers, std::string& fault) {
  const toml::array* list = node.as_array();
  if (list == nullptr) {
    fault = "'layers' is not a list";
    return;
  }
  layers.clear();
  for (const toml::node& item : *list) {
    const auto layer = ParseLayerPrecision(item.value_or<std::string>(""));
    if (!layer) fault = layer.error().message;
    layers.push_back(layer.value_or(LayerPrecision()));
  }
}

// Reads `name` into `value`; a key of the wrong type is named in `fault`.
template <typename T>
void Take(const toml::table& table, const char* name, T& value, std::string& fault) {
  const toml::node* node = table.get(name);
  if (node == nullptr) {
    constexpr std::string_view kYounger[] = {"residual-bits", "binary-method", "weight-method",
                                             "value-method",  "sign-gradient", "bop-gamma",
                                             "bop-tau"};
    // Runs older than these settings have none, and did as their defaults do.
    if (kIsLayers<T> ||
        std::find(std::begin(kYounger), std::end(kYounger), name) != std::end(kYounger)) {
      return;
    }
    fault = fmt::format("has no '{}'", name);
  } else if constexpr (kIsLayers<T>) {
    TakeLayers(*node, value, fault);
  } else if constexpr (kIsList<T>) {
    const toml::array* list = node->as_array();
    if (list == nullptr) {
      fault = fmt::format("'{}' is not a list of numbers", name);
      return;
    }
    value.clear();
    for (const toml::node& item : *list) {
      const auto number = item.value<double>();
      if (!number) fault = fmt::format("'{}' is not a list of numbers", name);
      value.push_back(number.value_or(0));
    }
  } else {
    const auto read = node->value<T>();
    if (!read) fault = fmt::format("'{}' has the wrong type", name);
    value = read.value_or(value);
  }
}

}  // namespace

void AddTrainingFlags(CLI::App& command, train::TrainConfig& config) {
  train::VisitSettings(config, [&](const char* name, auto& field, const char* help) {
    using T = std::remove_reference_t<decltype(field)>;
    if (command.get_option_no_throw(std::string("--") + name) != nullptr) return;
    if constexpr (std::is_same_v<T, bool>) {
      command
          .add_flag(fmt::format("--{0},!--no-{0}", name), field,
                    fmt::format("{} ({} by default)", help, field ? "on" : "off"))
          ->group("Training");
    } else {
      CLI::Option* option = command.add_option(std::string("--") + name, field, help);
      option->capture_default_str()->group("Training");
      if constexpr (kIsList<T>) option->delimiter(',');
    }
  });
}

Status WriteArguments(const RunArguments& arguments, const std::string& path) {
  toml::table root, training, quantization;
  VisitArguments(arguments, [&](const char* name, const auto& value) { Put(root, name, value); });
  train::VisitSettings(arguments.training, [&](const char* name, const auto& value, const char*) {
    Put(training, name, value);
  });
  VisitPolicy(arguments.quantization,
              [&](const char* name, const auto& value) { Put(quantization, name, value); });
  root.insert("training", std::move(training));
  if (arguments.verb == "quantize") root.insert("quantization", std::move(quantization));
  std::ostringstream text;
  text << "# What this run was asked to do; `signum " << arguments.verb
       << " --resume FOLDER` reads it.\n"
       << root << "\n";
  return base::WriteFile(path, text.str());
}

Result<RunArguments> ReadArguments(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, base::ReadFile(path));
  toml::table root;
  try {
    root = toml::parse(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  } catch (const toml::parse_error& error) {
    return Corrupt(
        fmt::format("{}: line {}: {}", path, error.source().begin.line, error.description()));
  }
  RunArguments arguments;
  std::string fault;
  VisitArguments(arguments, [&](const char* name, auto& value) { Take(root, name, value, fault); });
  const toml::table empty;
  const toml::table* training = root["training"].as_table();
  train::VisitSettings(arguments.training, [&](const char* name, auto& value, const char*) {
    Take(training == nullptr ? empty : *training, name, value, fault);
  });
  if (const toml::table* quantization = root["quantization"].as_table()) {
    VisitPolicy(arguments.quantization,
                [&](const char* name, auto& value) { Take(*quantization, name, value, fault); });
  }
  if (!fault.empty()) return Corrupt(path + ": " + fault + "; start the run anew");
  return arguments;
}

}  // namespace signum::apps
