// Whether the settings of a run are usable, and would do something, before it starts.
#ifndef SIGNUM_TRAIN_CHECK_H_
#define SIGNUM_TRAIN_CHECK_H_

#include "graph/graph.h"
#include "signum/result.h"
#include "train/config.h"

namespace signum::train {

// Whether the settings are in range; an error names the flag.
Status CheckConfig(const TrainConfig& config);

// Whether `network` has what each setting of quantizers that is given is for, and each layer a
// combination of settings that works.
Status CheckQuantization(const Graph& network, const QuantizationConfig& config);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_CHECK_H_
