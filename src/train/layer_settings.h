// Settings of quantization layer by layer, and which quantizers a graph has.
#ifndef SIGNUM_TRAIN_LAYER_SETTINGS_H_
#define SIGNUM_TRAIN_LAYER_SETTINGS_H_

#include <string>

#include "graph/graph.h"
#include "signum/result.h"
#include "train/config.h"

namespace signum::train {

// Sets what `setting` names. An error says which names there are, or what its value must be.
Status Apply(const LayerSetting& setting, QuantizationConfig& config);

// `config` with its settings for the layer `name`, and none for layers.
Result<QuantizationConfig> ConfigOfLayer(const QuantizationConfig& config, const std::string& name);

// The quantizer whose codes a value holds, maybe moved, or -1.
NodeId QuantizerOfValue(const Graph& graph, NodeId value);

// The fewest bits of a layer's weights, which are a precision's: those of the first and the last
// layer are as many or more.
int LeastBits(const Graph& graph);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_LAYER_SETTINGS_H_
