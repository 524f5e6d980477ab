// The pass that lets ReLUs learn what they do to negative values.
#ifndef SIGNUM_GRAPH_PASSES_USE_PRELU_H_
#define SIGNUM_GRAPH_PASSES_USE_PRELU_H_

#include "graph/graph.h"
#include "signum/result.h"

namespace signum {

// A graph with a PReLU of slope `slope` for each channel in place of every ReLU of maps. RPReLU
// (Liu et al., "ReActNet", ECCV 2020, section 4.2), which shifts before and behind, is the same
// where a batch norm's bias comes before it, and a batch norm's or a sign's shift behind.
Result<Graph> UsePRelu(const Graph& graph, float slope);

}  // namespace signum

#endif  // SIGNUM_GRAPH_PASSES_USE_PRELU_H_
