#include "learn_flags.h"

#include <fmt/format.h>

#include <set>
#include <string>

namespace signum::apps {

void AddLearnFlags(CLI::App& command, LearnRequest& request) {
  RunArguments& arguments = request.arguments;
  arguments.data = "cifar10";
  command.add_option("--data", arguments.data, "the dataset: cifar10 or fashion-mnist")
      ->capture_default_str();
  command.add_option("--data-folder", arguments.data_folder, "where the dataset is");
  command.add_option("--run", request.run, "the run folder (default: a new one in runs/)");
  command.add_option("--resume", request.resume,
                     "go on with the run in this folder, with the settings it was started with");
  command
      .add_option("--recipe", request.recipe,
                  "train step by step as a recipe says: one that comes with Signum, or a file; a "
                  "trained MODEL takes the place of its steps in float")
      ->type_name("NAME|FILE.toml");
  command.add_flag(
      "--sanity", request.sanity,
      "only see whether fifty steps bring down the loss of one batch; of a recipe, for "
      "each step");
  command.add_option("-o,--output", arguments.output, "write the finished model here, too");
  command.add_flag("--json", request.json, "print the result as JSON");
}

Status CheckResumeFlags(const CLI::App& command) {
  if (command.count("--resume") == 0) return {};
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    const bool fits = name == "--resume" || name == "--output" || name == "--json";
    if (option->count() == 0 || fits) continue;
    return InvalidArgument(fmt::format(
        "{} does nothing beside --resume: the run goes on with its own settings; leave it out",
        name));
  }
  return {};
}

Status CheckRecipeFlags(const CLI::App& command) {
  if (command.count("--recipe") == 0) return {};
  static const std::set<std::string> kOwn = {
      "--recipe",     "--data",  "--data-folder", "--run",     "--output",
      "--json",       "--seed",  "--device",      "--threads", "--train-limit",
      "--test-limit", "--input", "--classes",     "--variant", "--sanity"};
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || !name.starts_with("-") || kOwn.contains(name)) continue;
    return InvalidArgument(
        fmt::format("{} does not go with --recipe, whose steps say how to train; leave it out, or "
                    "copy the recipe "
                    "and change that",
                    name));
  }
  return {};
}

void ChooseLearningRate(const CLI::App& command, train::TrainConfig& config) {
  constexpr double kOfAdam = 1e-3;
  if (config.optimizer != "sgd" && command.count("--lr") == 0) config.learning_rate = kOfAdam;
}

}  // namespace signum::apps
