// From annotated float weights to codes and scales.
#ifndef SIGNUM_QUANT_FREEZE_WEIGHTS_H_
#define SIGNUM_QUANT_FREEZE_WEIGHTS_H_

#include "graph/graph.h"
#include "quant/range.h"

namespace signum::quant {

// Replaces every float weight that has a quantizer by its codes, and adds its
// weight_scale, by QuantizeWeights with ranges by `choice`. Weights that are codes
// already stay.
void FreezeWeights(Graph& graph, const RangeChoice& choice = {});

}  // namespace signum::quant

#endif  // SIGNUM_QUANT_FREEZE_WEIGHTS_H_
