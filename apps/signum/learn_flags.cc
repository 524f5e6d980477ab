#include "learn_flags.h"

#include <fmt/format.h>

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

void ChooseLearningRate(const CLI::App& command, train::TrainConfig& config) {
  constexpr double kOfAdam = 1e-3;
  if (config.optimizer != "sgd" && command.count("--lr") == 0) config.learning_rate = kOfAdam;
}

}  // namespace signum::apps
