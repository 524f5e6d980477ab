// `signum quantize --auto`: bits for each layer by measurement, under a budget of bytes or of time.
#ifndef SIGNUM_APPS_AUTO_PRECISION_H_
#define SIGNUM_APPS_AUTO_PRECISION_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "calibration/post_training.h"
#include "run_arguments.h"
#include "signum/result.h"

namespace signum::apps {

struct AutoFlags {
  bool on = false;
  int64_t budget_bytes = 0;  // of the model's file; 0: none
  double budget_ms = 0;      // for an image on one thread; 0: none
  int64_t images = 512;      // to measure with
};

// --auto, --budget-bytes, --budget-ms and --auto-images.
void AddAutoFlags(CLI::App& command, AutoFlags& flags);

// Whether the flags belong together, none of them asks for the bits of all layers, and the methods
// of training leave a layer as large as it was measured.
Status CheckAutoFlags(const CLI::App& command, const AutoFlags& flags,
                      const train::QuantizationConfig& methods);

// Measures, adds a precision for each layer to arguments.quantization.layers, prints what was
// chosen to standard error, and writes the trade-off of what was measured to a page beside
// arguments.output ("OUTPUT.tradeoff.html"), where that is given.
Status ChooseBits(const AutoFlags& flags, const calibration::PostTrainingOptions& options,
                  RunArguments& arguments);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_AUTO_PRECISION_H_
