// The passes that give weights held as codes an offset, and take it into float weights again: 1-bit
// weights with an offset have two free values (Tu et al., "AdaBin", ECCV 2022, section 3.2).
#ifndef SIGNUM_GRAPH_PASSES_WEIGHT_OFFSETS_H_
#define SIGNUM_GRAPH_PASSES_WEIGHT_OFFSETS_H_

#include <map>
#include <vector>

#include "graph/graph.h"

namespace signum {

// What AddWeightOffsets calls the nodes that it adds: the layer's name and one of these.
inline constexpr const char* kOffsetNames[] = {".inputs", ".offset", ".shifted"};

// A graph that computes with scale_c code + offset_c. By linearity that is the layer as it is and
// offset_c times the sum of what it reads under its window:
//   "conv.inputs"   the layer with one output channel a group, whose bits are all +1
//   "conv.offset"   a 1x1 convolution of that, in floats; of a linear layer, a linear layer
//   "conv.shifted"  the sum with the layer
// so the sum of inputs is as exact as any other, and no kernel need know of offsets. A batch norm
// that alone reads the layer comes before the last sum, its factors in the offsets too, so that it
// can still be folded.
// offsets: by layer, one for each output channel; the layers are verified convolutions and linear
// layers that have codes, and no node has one of those names.
Graph AddWeightOffsets(const Graph& graph, const std::map<NodeId, std::vector<float>>& offsets);

// A graph in which layers with an offset have float weights, scale_c code + offset_c, and what
// AddWeightOffsets added is gone. Batch norms may have been folded meanwhile. Layers that are
// otherwise than it makes them, whatever their names, stay.
Graph FoldWeightOffsets(const Graph& graph);

}  // namespace signum

#endif  // SIGNUM_GRAPH_PASSES_WEIGHT_OFFSETS_H_
