// `signum quantize --calibrate`: integers without training.
#ifndef SIGNUM_APPS_CALIBRATE_H_
#define SIGNUM_APPS_CALIBRATE_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "calibration/post_training.h"
#include "run_arguments.h"
#include "signum/result.h"

namespace signum::apps {

struct CalibrateFlags {
  int64_t images = 0;
  std::string range = "min-max";
  std::string weight_range = "min-max";
  double percentile = 99.99;
  bool equalize = false;
  bool correct_biases = false;
};

// --calibrate and what shapes it.
void AddCalibrateFlags(CLI::App& command, CalibrateFlags& flags);

// Whether the options that were given belong together: with --calibrate none that
// trains, without it none that calibrates. An error names the option.
Status CheckCalibrateFlags(const CLI::App& command);

// A progress bar for each stage of the work, one after the other, called `what` and the stage.
calibration::ProgressObserver ShowProgress(std::string what);

// The first `count` images of `dataset` as the arguments draw and run them, with such a bar.
calibration::Images ImagesOf(const RunArguments& arguments, const data::Dataset& dataset,
                             int64_t count, std::string what);

// How ranges are chosen, by the flags.
Result<calibration::PostTrainingOptions> OptionsOf(const QuantizationPolicy& policy,
                                                   const CalibrateFlags& flags);

// Quantizes arguments.model with images of arguments.data, writes arguments.output
// and prints what came of it.
Status Calibrate(const RunArguments& arguments, const CalibrateFlags& flags, bool json);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_CALIBRATE_H_
