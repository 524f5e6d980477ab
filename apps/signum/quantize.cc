#include "quantize.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "auto_precision.h"
#include "base/file.h"
#include "calibrate.h"
#include "layer_precision.h"

namespace signum::apps {
namespace {

struct QuantizeFlags {
  LearnRequest learn;
  CalibrateFlags calibrate;
  AutoFlags automatic;
  std::string edges = "8", downsample;
  std::string residuals = "float";
  bool per_layer = false;
  std::string layer_file;
  std::vector<std::string> layers;
  bool hysteresis = false;
};

void AddPolicyFlags(CLI::App& command, QuantizeFlags& flags) {
  QuantizationPolicy& policy = flags.learn.arguments.quantization;
  const CLI::Transformer float_bits({{"float", std::to_string(kFloatBits)}});
  command
      .add_option("--weights", policy.weight_bits,
                  "bits of a weight, 1 to 8, or float; with --calibrate 8 where not given")
      ->transform(CLI::Transformer(float_bits).description(""))
      ->capture_default_str();
  command
      .add_option("--activations", policy.activation_bits,
                  "bits of a feature map, 1 to 8, or float")
      ->transform(CLI::Transformer(float_bits).description(""))
      ->capture_default_str();
  command
      .add_option("--edges", flags.edges,
                  "bits of the first convolution and the last linear layer: 1 to 8, wNaM, or float")
      ->capture_default_str();
  command.add_option("--downsample", flags.downsample,
                     "bits of the 1x1 convolutions on shortcuts, likewise; as other layers where "
                     "not given");
  command
      .add_option("--residuals", flags.residuals,
                  "bits of what is kept for a sum over a shortcut where it is not codes anyway: 2 "
                  "to 8, or float")
      ->capture_default_str();
  command.add_flag("--per-layer", flags.per_layer,
                   "one weight scale per layer, not one per output channel, until a batch norm "
                   "is folded into it");
  command
      .add_option("--layer", flags.layers,
                  "another precision for the layers of that name, * and ? allowed: "
                  "'layer1.*=w8a8', conv1=float, per-channel=false for one weight scale, and "
                  "settings of training: 'fc=w4a8,weight-method=lsq'; repeatable, the last that "
                  "fits counts")
      ->type_name("PATTERN=wNaM")
      ->allow_extra_args(false);
  command
      .add_option("--layers", flags.layer_file,
                  "the same from a TOML file: [[layer]] tables with name, weights, activations, "
                  "per-channel and settings")
      ->type_name("FILE.toml");
}

// 2 to 8, or float.
Result<int> ReadBits(const char* option, const std::string& text) {
  if (text == "float") return kFloatBits;
  if (text.size() == 1 && text[0] >= '2' && text[0] <= '8') return text[0] - '0';
  return InvalidArgument(fmt::format("{} {}: takes 2 to 8, or float", option, text));
}

Status ReadLayers(const QuantizeFlags& flags, RunArguments& arguments) {
  std::vector<LayerChoice> choices;
  if (!flags.layer_file.empty()) {
    SIGNUM_ASSIGN_OR_RETURN(choices, ReadLayerFile(flags.layer_file));
  }
  for (const std::string& text : flags.layers) {
    SIGNUM_ASSIGN_OR_RETURN(LayerChoice choice, ParseLayerChoice(text));
    choices.push_back(std::move(choice));
  }
  for (const LayerChoice& choice : choices) {
    AddLayerChoice(choice, arguments.quantization, arguments.training.quantization);
    if (flags.calibrate.images == 0 || choice.settings.empty()) continue;
    return InvalidArgument(
        fmt::format("{} of layers '{}' is a setting of training, and there is "
                    "none with --calibrate; leave it out",
                    choice.settings[0].name, choice.settings[0].pattern));
  }
  return {};
}

Status ReadPolicy(const QuantizeFlags& flags, RunArguments& arguments) {
  QuantizationPolicy& policy = arguments.quantization;
  policy.per_channel = !flags.per_layer;
  SIGNUM_ASSIGN_OR_RETURN(policy.edges, ParseLayerBits(flags.edges, "--edges"));
  if (!flags.downsample.empty()) {
    SIGNUM_ASSIGN_OR_RETURN(policy.downsample, ParseLayerBits(flags.downsample, "--downsample"));
  }
  SIGNUM_ASSIGN_OR_RETURN(policy.residual_bits, ReadBits("--residuals", flags.residuals));
  return ReadLayers(flags, arguments);
}

Status Quantize(const CLI::App& command, QuantizeFlags& flags,
                Status (*retrain)(const LearnRequest&)) {
  RunArguments& arguments = flags.learn.arguments;
  SIGNUM_RETURN_IF_ERROR(CheckCalibrateFlags(command));
  SIGNUM_RETURN_IF_ERROR(ReadPolicy(flags, arguments));
  SIGNUM_RETURN_IF_ERROR(CheckAutoFlags(command, flags.automatic, arguments.training.quantization));
  SIGNUM_RETURN_IF_ERROR(CheckResumeFlags(command));
  SIGNUM_RETURN_IF_ERROR(CheckRecipeFlags(command));
  const bool calibrates = flags.calibrate.images > 0;
  if (calibrates && arguments.output.empty()) {
    return InvalidArgument("no -o given; name the file to write");
  }
  // 1 bit is of no use without training, and where bits are chosen others are the exception.
  if ((calibrates || flags.automatic.on) && command.count("--weights") == 0) {
    arguments.quantization.weight_bits = 8;
  }
  if (flags.automatic.on) {
    if (!arguments.output.empty()) SIGNUM_RETURN_IF_ERROR(base::CheckCanWrite(arguments.output));
    SIGNUM_ASSIGN_OR_RETURN(const calibration::PostTrainingOptions options,
                            OptionsOf(arguments.quantization, flags.calibrate));
    SIGNUM_RETURN_IF_ERROR(ChooseBits(flags.automatic, options, arguments));
  }
  if (calibrates) return Calibrate(arguments, flags.calibrate, flags.learn.json);
  if (flags.hysteresis && command.count("--theta") == 0) {
    arguments.training.quantization.theta = train::kDefaultTheta;
  }
  ChooseLearningRate(command, arguments.training);
  return retrain(flags.learn);
}

}  // namespace

train::TrainConfig RetrainingDefaults() {
  train::TrainConfig config;
  config.epochs = 10;
  config.learning_rate = 0.05;
  config.weight_decay = 1e-4;
  return config;
}

Action AddQuantizeFlags(CLI::App& command, Status (*retrain)(const LearnRequest&)) {
  auto flags = std::make_shared<QuantizeFlags>();
  RunArguments& arguments = flags->learn.arguments;
  arguments.verb = "quantize";
  arguments.teacher = "float";
  arguments.training = RetrainingDefaults();
  AddModelArgument(command, arguments.model,
                   "the trained network: a .sgn file, or a name of models/");
  AddPolicyFlags(command, *flags);
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
  AddCalibrateFlags(command, flags->calibrate);
  AddAutoFlags(command, flags->automatic);
  AddNetworkFlags(command, arguments);
  AddTrainingFlags(command, arguments.training);
  command.footer(command.get_footer() +
                 "\n  signum quantize resnet20.sgn --weights 8 --activations 8 --calibrate 1024 "
                 "--data cifar10 -o resnet20-int8.sgn");
  return [flags, &command, retrain] { return Quantize(command, *flags, retrain); };
}

bool QuantizesWithoutTraining(int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--calibrate" || word.starts_with("--calibrate=")) return true;
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

}  // namespace signum::apps
