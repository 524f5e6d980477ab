// The pass that puts biases on the grid of their accumulators, for runtimes that add
// biases as integers. Also says what that grid is.
#ifndef SIGNUM_GRAPH_PASSES_SNAP_BIASES_H_
#define SIGNUM_GRAPH_PASSES_SNAP_BIASES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/graph.h"

namespace signum {

// By node id, the scale of the codes that a value consists of: a Quantize node's of 2
// bits or more, through operators that only move values (MovesValues); none where the
// value is floats, 1 bit, or joined of codes that differ in scale or zero-point.
std::vector<std::optional<float>> CodeScales(const Graph& graph);

// The units of a layer's accumulators, input_scale * weight_scale rounded to float32,
// as many as weight scales, for a convolution or linear layer with weight codes. None
// where one of them is not a normal number.
std::vector<float> AccumulatorScales(const Node& layer, float input_scale);

// What times its channel's scale, rounded to float32, is the layer's bias; none where
// it has no bias, or one that is not on this grid or beyond int32.
std::optional<std::vector<int32_t>> BiasMultiples(const Node& layer,
                                                  const std::vector<float>& scales);

// The graph with the bias of every layer that has weight codes and reads codes rounded
// to the nearest multiple of its AccumulatorScales; those whose multiple is beyond
// int32 stay. A bias moves by at most half a unit, and a second time by nothing.
Graph SnapBiases(const Graph& graph);

}  // namespace signum

#endif  // SIGNUM_GRAPH_PASSES_SNAP_BIASES_H_
