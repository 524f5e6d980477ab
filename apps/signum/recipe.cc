#include "recipe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <filesystem>
#include <set>
#include <string_view>

#include "base/file.h"
#include "base/nearest.h"
#include "quantize.h"
#include "share.h"
#include "toml_settings.h"

namespace signum::apps {
namespace {

Result<std::string> FindRecipe(const std::string& name) {
  if (name.ends_with(".toml")) return name;
  if (const auto shared = FindShared("recipes", name + ".toml")) return *shared;
  const std::vector<std::string> names = SharedNames("recipes", ".toml");
  if (names.empty()) {
    return NotFound(
        fmt::format("there is no recipe '{}': this signum has no folder of recipes near "
                    "it; give the path of a .toml file",
                    name));
  }
  const std::string nearest = Nearest(name, names);
  return NotFound(fmt::format(
      "there is no recipe '{}'{}; give the path of a .toml file or one of {}", name,
      nearest.empty() ? "" : " (did you mean '" + nearest + "'?)", fmt::join(names, ", ")));
}

// What all steps share and no step says.
constexpr const char* kOfTheCommandLine[] = {"seed", "device", "threads", "train-limit",
                                             "test-limit"};

// Layers as --layer takes them.
Status TakeLayerChoices(const toml::table& table, RunArguments& step) {
  const toml::node* node = table.get("layers");
  if (node == nullptr) return {};
  const toml::array* list = node->as_array();
  if (list == nullptr) return InvalidArgument("'layers' is not a list");
  for (const toml::node& item : *list) {
    SIGNUM_ASSIGN_OR_RETURN(const LayerChoice choice,
                            ParseLayerChoice(item.value_or<std::string>("")));
    AddLayerChoice(choice, step.quantization, step.training.quantization);
  }
  return {};
}

Result<RunArguments> ReadStep(const toml::table& table) {
  RunArguments step;
  std::string fault;
  std::set<std::string> known;
  const auto take = [&](const char* name, auto& value, const char* = "") {
    known.insert(name);
    Take(table, name, value, fault);
  };
  take("verb", step.verb);
  if (step.verb != "train" && step.verb != "quantize") {
    return InvalidArgument("a step needs verb = \"train\" or verb = \"quantize\"");
  }
  const bool quantize = step.verb == "quantize";
  if (quantize) step.training = RetrainingDefaults();
  step.teacher = quantize ? "float" : "none";
  take("teacher", step.teacher);
  take("bi-real", step.bi_real);
  take("rprelu", step.rprelu);
  for (const char* name : kOfTheCommandLine) {
    if (!table.contains(name)) continue;
    return InvalidArgument(fmt::format("'{}' is for the command line, not for a recipe", name));
  }
  train::VisitSettings(step.training, take);
  if (table.contains("optimizer") && !table.contains("lr") && step.training.optimizer != "sgd") {
    return InvalidArgument("a step with another optimizer than sgd needs an lr");
  }
  if (quantize) {
    VisitPolicy(step.quantization, [&](const char* name, auto& value) {
      const std::string_view setting = name;  // `layers` says both
      if (setting != "layers" && setting != "scales") take(name, value);
    });
    known.insert("layers");
    SIGNUM_RETURN_IF_ERROR(TakeLayerChoices(table, step));
  }
  if (!fault.empty()) return InvalidArgument(fault);
  if (step.teacher != "float" && step.teacher != "none") {
    return InvalidArgument("a step's teacher is \"float\" or \"none\"");
  }
  for (const auto& [key, value] : table) {
    const std::string name(key.str());
    if (known.contains(name)) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    const std::string nearest = Nearest(name, names);
    return InvalidArgument(fmt::format("a step of `{}` has no setting '{}'{}", step.verb, name,
                                       nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
  }
  return step;
}

}  // namespace

Result<Recipe> ReadRecipe(const std::string& name_or_path) {
  SIGNUM_ASSIGN_OR_RETURN(const std::string path, FindRecipe(name_or_path));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, base::ReadFile(path));
  Recipe recipe{std::filesystem::path(path).stem().string(),
                std::string(bytes.begin(), bytes.end())};
  SIGNUM_ASSIGN_OR_RETURN(const toml::table root, ParseToml(recipe.text, path));
  const toml::array* steps = root["step"].as_array();
  if (steps == nullptr || steps->empty() || root.size() != 1) {
    return InvalidArgument(path + ": a recipe holds [[step]] tables and nothing else");
  }
  for (const toml::node& node : *steps) {
    const toml::table* table = node.as_table();
    auto step = table != nullptr ? ReadStep(*table) : InvalidArgument("a step is a [[step]] table");
    if (!step) {
      return tl::unexpected(
          step.error().In(fmt::format("{}: line {}", path, node.source().begin.line)));
    }
    recipe.steps.push_back(std::move(*step));
  }
  return recipe;
}

}  // namespace signum::apps
