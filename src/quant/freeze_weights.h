// From annotated float weights to codes and scales.
#ifndef SIGNUM_QUANT_FREEZE_WEIGHTS_H_
#define SIGNUM_QUANT_FREEZE_WEIGHTS_H_

#include <cstdint>
#include <functional>

#include "graph/graph.h"
#include "quant/range.h"

namespace signum::quant {

// Hears at the beginning and after each layer how many weights are done, of all that
// wait: a search for the best ranges takes a while in a large network.
using FreezeObserver = std::function<void(int64_t done, int64_t total)>;

// Replaces every float weight that has a quantizer by its codes, and adds its
// weight_scale, by QuantizeWeights with ranges by `choice`. Weights that are codes
// already stay.
void FreezeWeights(Graph& graph, const RangeChoice& choice = {},
                   const FreezeObserver& observe = {});

}  // namespace signum::quant

#endif  // SIGNUM_QUANT_FREEZE_WEIGHTS_H_
