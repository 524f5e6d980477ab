// `signum quantize`: few-bit weights and feature maps for a trained network, by
// retraining it with its quantizers in place.
#include <fmt/format.h>

#include <memory>

#include "learn.h"
#include "verb.h"

namespace signum::apps {
namespace {

// Retraining starts from a trained network, so it takes smaller steps than
// training does, and fewer.
train::TrainConfig RetrainingDefaults() {
  train::TrainConfig config;
  config.epochs = 10;
  config.learning_rate = 0.05;
  config.weight_decay = 1e-4;
  return config;
}

struct QuantizeFlags {
  LearnRequest learn;
  std::string edges = "8";
  bool per_layer = false;
  bool hysteresis = false;
};

}  // namespace

Action AddQuantize(CLI::App& command) {
  auto flags = std::make_shared<QuantizeFlags>();
  RunArguments& arguments = flags->learn.arguments;
  QuantizationPolicy& policy = arguments.quantization;
  arguments.verb = "quantize";
  arguments.teacher = "float";
  arguments.training = RetrainingDefaults();
  command.add_option("MODEL", arguments.model, "the trained network: a .sgn file");
  command.add_option("--weights", policy.weight_bits, "bits of a weight, 1 to 8")
      ->capture_default_str();
  command.add_option("--activations", policy.activation_bits, "bits of a feature map, 1 to 8")
      ->capture_default_str();
  command
      .add_option("--edges", flags->edges,
                  "bits of the first convolution and the last linear layer: 2 to 8, or float")
      ->capture_default_str();
  command.add_flag("--per-layer", flags->per_layer,
                   "one weight scale per layer, not one per output channel");
  command.add_option("--retrain,--epochs", arguments.training.epochs, "passes of retraining")
      ->capture_default_str();
  command.add_flag("--hysteresis", flags->hysteresis,
                   "a bit flips only when its latent weight is 0.1 on the other side (--theta sets "
                   "another distance)");
  AddLearnFlags(command, flags->learn);
  command
      .add_option("--teacher", arguments.teacher,
                  "distil from: float (the network before quantization), a .sgn file, or none")
      ->capture_default_str();
  AddTrainingFlags(command, arguments.training);
  return [flags, &command]() -> Status {
    SIGNUM_RETURN_IF_ERROR(CheckResumeFlags(command));
    RunArguments& a = flags->learn.arguments;
    a.quantization.per_channel = !flags->per_layer;
    if (flags->hysteresis && command.count("--theta") == 0) {
      a.training.binary.theta = train::kDefaultTheta;
    }
    ChooseLearningRate(command, a.training);
    if (flags->edges == "float") {
      a.quantization.edge_bits = kFloatBits;
    } else if (flags->edges.size() == 1 && flags->edges[0] >= '2' && flags->edges[0] <= '8') {
      a.quantization.edge_bits = flags->edges[0] - '0';
    } else {
      return InvalidArgument(fmt::format("--edges {}: takes 2 to 8, or float", flags->edges));
    }
    return Learn(flags->learn);
  };
}

}  // namespace signum::apps
