#include "run_arguments.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>
#include <type_traits>

#include "base/file.h"
#include "toml_settings.h"

namespace signum::apps {
namespace {

// Visits the arguments that are not settings of training, likewise once for both
// directions.
template <typename Arguments, typename Visit>
void VisitArguments(Arguments& a, Visit&& visit) {
  VisitPlaces(a, visit);
  visit("teacher", a.teacher);
  visit("bi-real", a.bi_real);
  visit("rprelu", a.rprelu);
  visit("switchable", a.switchable);
}

// As Take, of a setting that must be there; but runs older than the setting have none, and did as
// its default does.
template <typename T>
void TakeArgument(const toml::table& table, const char* name, T& value, std::string& fault) {
  constexpr std::string_view kYounger[] = {
      "residual-bits", "binary-method", "weight-method", "value-method", "sign-gradient",
      "bop-gamma",     "bop-tau",       "average-decay", "layers",       "layer-settings",
      "edges",         "downsample",    "bi-real",       "rprelu",       "switchable",
      "rsign",         "scales"};
  if (Take(table, name, value, fault)) return;
  const bool younger =
      std::find(std::begin(kYounger), std::end(kYounger), name) != std::end(kYounger);
  if (!younger) fault = fmt::format("has no '{}'", name);
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

void AddNetworkFlags(CLI::App& command, RunArguments& arguments) {
  const std::string group = "Changes to the network, for 1-bit values";
  command
      .add_flag("--bi-real", arguments.bi_real,
                "give every convolution of a residual block a shortcut of its own (Bi-Real Net)")
      ->group(group);
  command
      .add_flag("--rprelu", arguments.rprelu,
                "learn slopes for what ReLUs cut off (ReActNet's RPReLU, whose shifts batch norms "
                "have)")
      ->group(group);
}

Result<std::vector<int>> SwitchableBits(const std::string& text) {
  std::set<int, std::greater<>> bits;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    int number = 0;
    const auto [next, error] = std::from_chars(text.data() + begin, text.data() + end, number);
    const bool fits = (number >= 1 && number <= 8) || number == kFloatBits;
    if (error != std::errc() || next != text.data() + end || !fits || !bits.insert(number).second) {
      return InvalidArgument(fmt::format(
          "--switchable {}: takes different numbers of bits, 1 to 8 or 32, as in 1,2,4,8,32",
          text));
    }
    begin = end + 1;
  }
  if (bits.size() < 2) {
    return InvalidArgument("--switchable takes two precisions or more; for one, leave it out");
  }
  return std::vector<int>(bits.begin(), bits.end());
}

Status WriteArguments(const RunArguments& arguments, const std::string& path) {
  toml::table root, training, quantization;
  VisitArguments(arguments, [&](const char* name, const auto& value) { Put(root, name, value); });
  train::VisitSettings(arguments.training, [&](const char* name, const auto& value, const char*) {
    Put(training, name, value);
  });
  VisitPolicy(arguments.quantization,
              [&](const char* name, const auto& value) { Put(quantization, name, value); });
  Put(quantization, "layer-settings", arguments.training.quantization.layers);
  root.insert("training", std::move(training));
  if (arguments.verb == "quantize") root.insert("quantization", std::move(quantization));
  std::ostringstream text;
  text << "# What this run was asked to do; `signum " << arguments.verb
       << " --resume FOLDER` reads it.\n"
       << root << "\n";
  return base::WriteFile(path, text.str());
}

Result<RunArguments> ReadArguments(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const toml::table root, ReadToml(path));
  RunArguments arguments;
  std::string fault;
  VisitArguments(arguments,
                 [&](const char* name, auto& value) { TakeArgument(root, name, value, fault); });
  const toml::table empty;
  const toml::table* training = root["training"].as_table();
  train::VisitSettings(arguments.training, [&](const char* name, auto& value, const char*) {
    TakeArgument(training == nullptr ? empty : *training, name, value, fault);
  });
  if (const toml::table* quantization = root["quantization"].as_table()) {
    VisitPolicy(arguments.quantization, [&](const char* name, auto& value) {
      TakeArgument(*quantization, name, value, fault);
    });
    TakeArgument(*quantization, "layer-settings", arguments.training.quantization.layers, fault);
    if (const auto bits = (*quantization)["edge-bits"].value<int>()) {  // of older runs
      arguments.quantization.edges = {*bits, *bits};
    }
  }
  if (!fault.empty()) return Corrupt(path + ": " + fault + "; start the run anew");
  return arguments;
}

}  // namespace signum::apps
