// The pass that folds batch norms into the layers before them, as a network is
// deployed: fewer numbers to store, the same function at inference. A folded
// network can run but not be retrained well, since it has lost its statistics.
#ifndef SIGNUM_GRAPH_PASSES_FOLD_BATCH_NORM_H_
#define SIGNUM_GRAPH_PASSES_FOLD_BATCH_NORM_H_

#include "graph/graph.h"

namespace signum {

// With g = gamma / sqrt(variance + epsilon), a layer becomes weight g and bias
// (bias - mean) g + beta, computed in double. For weights held as codes g goes
// into the scales, which are then per channel, and a negative g turns the
// channel's codes around, so that scales stay above zero. A batch norm stays
// where its input is not a convolution or linear layer of its own, where weights
// wait to be quantized, and where some g is 0 or too small for a scale.
Graph FoldBatchNorm(const Graph& graph);

}  // namespace signum

#endif  // SIGNUM_GRAPH_PASSES_FOLD_BATCH_NORM_H_
