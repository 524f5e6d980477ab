// Whether the settings of a run are usable, and would do something, before it starts.
#ifndef SIGNUM_TRAIN_CHECK_H_
#define SIGNUM_TRAIN_CHECK_H_

#include <vector>

#include "data/dataset.h"
#include "graph/graph.h"
#include "signum/result.h"
#include "train/config.h"

namespace signum::train {

// Whether the settings are in range; an error names the flag.
Status CheckConfig(const TrainConfig& config);

// Whether a network, at one precision or at several that share its weights, has what each setting
// of quantizers that is given is for, and each layer a combination of settings that works.
Status CheckQuantization(const std::vector<const Graph*>& precisions,
                         const QuantizationConfig& config);

// Whether the network takes the images of the dataset and tells its classes apart.
Status CheckShapes(const Graph& network, const data::Dataset& dataset);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_CHECK_H_
