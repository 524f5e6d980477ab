// `signum quantize`, which has two ways: retraining, which `signum-train` does, and
// calibration, which needs no libtorch. Both executables declare its options, so
// that there is one help text.
#ifndef SIGNUM_APPS_QUANTIZE_H_
#define SIGNUM_APPS_QUANTIZE_H_

#include <CLI/CLI.hpp>

#include "learn_flags.h"
#include "verb.h"

namespace signum::apps {

// Retraining starts from a trained network, so it takes smaller steps than training does, and
// fewer.
train::TrainConfig RetrainingDefaults();

// `retrain` is what the executable does where --calibrate is not given.
Action AddQuantizeFlags(CLI::App& command, Status (*retrain)(const LearnRequest&));

// Whether a command line of `signum quantize` needs no trainer: it asks to
// calibrate, or for help.
bool QuantizesWithoutTraining(int argc, char** argv);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_QUANTIZE_H_
