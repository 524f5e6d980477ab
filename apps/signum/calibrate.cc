#include "calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "base/cpu.h"
#include "base/file.h"
#include "calibration/post_training.h"
#include "data/dataset.h"
#include "format/accumulator_bounds.h"
#include "format/sgn.h"
#include "json_text.h"
#include "layer_precision.h"
#include "model_argument.h"
#include "report/progress.h"
#include "report/text.h"

namespace signum::apps {
namespace {

constexpr const char* kGroup = "Calibration";

Result<quant::RangeChoice> ChoiceOf(const std::string& method, double percentile) {
  SIGNUM_ASSIGN_OR_RETURN(const quant::RangeMethod parsed, quant::ParseRangeMethod(method));
  return quant::RangeChoice{.method = parsed, .percentile = percentile};
}

// What the file says of how it came about.
std::string Description(const RunArguments& arguments, const CalibrateFlags& flags,
                        int64_t images) {
  const auto method = [&](const std::string& name) {
    return name == "percentile" ? fmt::format("percentile {:g}", flags.percentile) : name;
  };
  return fmt::format("{} images of {}, values by {}, weights by {}{}{}", images, arguments.data,
                     method(flags.range), method(flags.weight_range),
                     flags.equalize ? ", equalized" : "",
                     flags.correct_biases ? ", biases corrected" : "");
}

Result<Graph> LoadNetwork(const RunArguments& arguments) {
  if (arguments.model.empty()) return InvalidArgument("no MODEL given; name a trained .sgn file");
  SIGNUM_RETURN_IF_ERROR(CheckTrained(arguments.model));
  return LoadGraph(arguments.model);
}

}  // namespace

calibration::ProgressObserver ShowProgress(std::string what) {
  struct Shown {
    std::string stage;
    std::unique_ptr<report::ProgressBar> bar;
  };
  return [shown = std::make_shared<Shown>(),
          what = std::move(what)](const calibration::Progress& progress) {
    if (shown->stage != progress.stage) {
      shown->stage = progress.stage;
      shown->bar = std::make_unique<report::ProgressBar>(stderr, what + progress.stage,
                                                         progress.total, progress.unit);
    }
    shown->bar->Update(progress.done);
    if (progress.done == progress.total) shown->bar->Finish();
  };
}

calibration::Images ImagesOf(const RunArguments& arguments, const data::Dataset& dataset,
                             int64_t count, std::string what) {
  const auto threads = static_cast<int>(arguments.training.threads);
  return {.dataset = &dataset,
          .count = count,
          .seed = arguments.training.seed,
          .threads = threads > 0 ? threads : AvailableCores(),
          .progress = ShowProgress(std::move(what))};
}

Result<calibration::PostTrainingOptions> OptionsOf(const QuantizationPolicy& policy,
                                                   const CalibrateFlags& flags) {
  calibration::PostTrainingOptions options{
      .policy = policy, .equalize = flags.equalize, .correct_biases = flags.correct_biases};
  SIGNUM_ASSIGN_OR_RETURN(options.values, ChoiceOf(flags.range, flags.percentile));
  SIGNUM_ASSIGN_OR_RETURN(options.weights, ChoiceOf(flags.weight_range, flags.percentile));
  return options;
}

void AddCalibrateFlags(CLI::App& command, CalibrateFlags& flags) {
  command
      .add_option("--calibrate", flags.images,
                  "do not retrain: fold batch norms, and choose scales and zero-points from the "
                  "values that N training images give")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40).description(""))
      ->group(kGroup);
  command
      .add_option("--range", flags.range,
                  "what the codes of a value cover: min-max, percentile or l2 (the least squared "
                  "error over a histogram)")
      ->capture_default_str()
      ->group(kGroup);
  command.add_option("--weight-range", flags.weight_range, "likewise for weights of 2 to 8 bits")
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option("--percentile", flags.percentile,
                  "percentile: what stays inside at either end, in percent")
      ->capture_default_str()
      ->check(CLI::Range(50.001, 100.0).description(""))
      ->group(kGroup);
  command
      .add_flag("--equalize", flags.equalize,
                "first even out the ranges of weights from layer to layer")
      ->group(kGroup);
  command
      .add_flag("--bias-correction", flags.correct_biases,
                "then take from every bias what quantization adds to its output on average")
      ->group(kGroup);
}

Status CheckCalibrateFlags(const CLI::App& command) {
  const bool calibrate = command.count("--calibrate") > 0;
  static const std::set<std::string> shared = {
      "--weights", "--activations", "--edges", "--downsample",   "--residuals", "--per-layer",
      "--layer",   "--layers",      "--data",  "--output",       "--json",      "--data-folder",
      "--seed",    "--threads",     "--auto",  "--budget-bytes", "--budget-ms", "--auto-images"};
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || !name.starts_with("--") || shared.contains(name)) continue;
    if ((option->get_group() == kGroup) == calibrate) continue;
    return InvalidArgument(calibrate ? name + " belongs to retraining, which --calibrate leaves out"
                                     : name + " does nothing without --calibrate N");
  }
  const auto is_percentile = [&](const char* option) {
    return command.get_option(option)->as<std::string>() == "percentile";
  };
  if (command.count("--percentile") > 0 && !is_percentile("--range") &&
      !is_percentile("--weight-range")) {
    return InvalidArgument(
        "--percentile does nothing without --range percentile or --weight-range percentile");
  }
  return {};
}

Status Calibrate(const RunArguments& arguments, const CalibrateFlags& flags, bool json) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  SIGNUM_RETURN_IF_ERROR(base::CheckCanWrite(arguments.output));
  SIGNUM_ASSIGN_OR_RETURN(const calibration::PostTrainingOptions options,
                          OptionsOf(arguments.quantization, flags));
  SIGNUM_ASSIGN_OR_RETURN(const Graph network, LoadNetwork(arguments));
  SIGNUM_RETURN_IF_ERROR(CheckNotLatent(network));
  SIGNUM_ASSIGN_OR_RETURN(
      const data::Dataset dataset,
      data::LoadDataset(arguments.data, data::Split::kTrain, arguments.data_folder));
  const calibration::Images images = ImagesOf(arguments, dataset, flags.images, "calibrate: ");
  SIGNUM_ASSIGN_OR_RETURN(Graph quantized,
                          calibration::QuantizeAfterTraining(network, options, images));
  SIGNUM_RETURN_IF_ERROR(CheckAccumulators(quantized));
  const int64_t count = std::min(flags.images, dataset.size());
  quantized.metadata["data"] = arguments.data;
  quantized.metadata["precision"] = PrecisionText(arguments.quantization);
  quantized.metadata["calibration"] = Description(arguments, flags, count);
  SIGNUM_RETURN_IF_ERROR(WriteSgn(quantized, arguments.output));
  std::error_code error;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(arguments.output, error));
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (json) {
    nlohmann::ordered_json document{{"model", arguments.output},
                                    {"images", count},
                                    {"file_bytes", bytes},
                                    {"seconds", seconds}};
    const std::vector<LayerPrecision>& layers = arguments.quantization.layers;
    if (!layers.empty()) document["layers"] = ToJson(layers);
    fmt::print("{}", JsonText(document));
    return {};
  }
  fmt::print("calibrated with {}, in {:.1f} s\n", quantized.metadata["calibration"], seconds);
  fmt::print("model           {} ({})\n", arguments.output, report::HumanBytes(bytes));
  return {};
}

}  // namespace signum::apps
