// The pass that gives every convolution of a residual network a shortcut of its own, for networks
// of 1-bit values, where a sign otherwise takes what went before (Liu et al., "Bi-Real Net", ECCV
// 2018, section 3.1).
#ifndef SIGNUM_GRAPH_PASSES_SHORTCUT_PER_CONVOLUTION_H_
#define SIGNUM_GRAPH_PASSES_SHORTCUT_PER_CONVOLUTION_H_

#include "graph/graph.h"
#include "signum/result.h"

namespace signum {

// A block adds to its last convolution, after the batch norm, what a shortcut brings. Then:
//   the block's first convolution is added to what that shortcut brings,
//   each further one to the value that it reads,
// where shapes are equal; the block's own sum keeps its shortcut unless all of its convolutions
// got theirs. New sums are called after what they follow, "layer1.0.bn1.shortcut". A float graph
// that verifies, as the zoo and importers give it; the function changes, the weights stay. A
// network of blocks of one convolution, or without blocks, stays what it is.
Result<Graph> ShortcutPerConvolution(const Graph& graph);

}  // namespace signum

#endif  // SIGNUM_GRAPH_PASSES_SHORTCUT_PER_CONVOLUTION_H_
