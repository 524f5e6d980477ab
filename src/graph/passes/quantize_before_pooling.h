// The pass that quantizes a feature map before it is pooled rather than after: codes rise
// with their values, so the largest code is the code of the largest value, and maps of
// codes are a quarter of the size of floats, or less. The numbers are the same, if none is
// a NaN; where a layer in front takes the quantizer's scale into its own, they are rounded
// as everywhere behind a layer. InsertQuantizers puts quantizers there from the start
// where a pool has one reader; this serves 1-bit ones, values with more readers, and
// imported networks.
#ifndef SIGNUM_GRAPH_PASSES_QUANTIZE_BEFORE_POOLING_H_
#define SIGNUM_GRAPH_PASSES_QUANTIZE_BEFORE_POOLING_H_

#include "graph/graph.h"

namespace signum {

// Whether the graph has a Quantize that alone reads a max pool.
bool HasQuantizedPooling(const Graph& graph);

// Lets each such pair change places. Ids of the two nodes stand for each other's
// operator afterwards; all others are as before.
void QuantizeBeforePooling(Graph& graph);

}  // namespace signum

#endif  // SIGNUM_GRAPH_PASSES_QUANTIZE_BEFORE_POOLING_H_
