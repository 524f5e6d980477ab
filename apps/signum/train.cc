// `signum train`: learn a network's weights from a dataset.
#include <memory>

#include "learn.h"
#include "verb.h"

namespace signum::apps {

Action AddTrain(CLI::App& command) {
  auto request = std::make_shared<LearnRequest>();
  RunArguments& arguments = request->arguments;
  arguments.verb = "train";
  arguments.teacher = "none";
  AddModelArgument(command, arguments.model,
                   "what to train: a zoo name (see signum info) or a .sgn file");
  AddLearnFlags(command, *request);
  command.add_option("--teacher", arguments.teacher, "a .sgn file to distil from, or none")
      ->capture_default_str();
  command
      .add_option(
          "--switchable", arguments.switchable,
          "one network for several precisions of weights and values, in one file: bits from "
          "1 to 8, and 32 for float; --bits chooses where it runs")
      ->type_name("1,2,4,8,32");
  AddZooFlags(command, arguments.zoo);
  AddNetworkFlags(command, arguments);
  AddTrainingFlags(command, arguments.training);
  return [request, &command]() -> Status {
    SIGNUM_RETURN_IF_ERROR(CheckResumeFlags(command));
    SIGNUM_RETURN_IF_ERROR(CheckRecipeFlags(command));
    ChooseLearningRate(command, request->arguments.training);
    return Learn(*request);
  };
}

}  // namespace signum::apps
