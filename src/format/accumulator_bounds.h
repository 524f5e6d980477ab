// The proof that integer layers cannot overflow their int32 accumulators, made
// once where a graph comes from outside. Knows no kernel.
#ifndef SIGNUM_FORMAT_ACCUMULATOR_BOUNDS_H_
#define SIGNUM_FORMAT_ACCUMULATOR_BOUNDS_H_

#include "graph/graph.h"
#include "signum/result.h"

namespace signum {

// For every convolution and linear layer that holds weight codes: the largest
// magnitude that any partial sum of code times input code can reach, which is
// (sum over the output channel's |weight code|) * (largest |input code|), must
// fit int32. The largest input code is 1 for a 1-bit and 2^k - 1 for a k-bit
// quantized input (that also bounds |q - zero_point|), seen through pooling,
// flattening and reshaping; 255 where the input is not quantized.
// kUnsupported names the first node and output channel that do not fit. The
// graph must verify.
Status CheckAccumulators(const Graph& graph);

}  // namespace signum

#endif  // SIGNUM_FORMAT_ACCUMULATOR_BOUNDS_H_
