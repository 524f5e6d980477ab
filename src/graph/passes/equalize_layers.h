// The pass that evens out the ranges of weights between layers, so that one scale
// for a whole layer loses less: cross-layer equalization (Nagel et al., "Data-Free
// Quantization Through Weight Equalization and Bias Correction", ICCV 2019,
// section 4.1). The function of the network stays what it was.
#ifndef SIGNUM_GRAPH_PASSES_EQUALIZE_LAYERS_H_
#define SIGNUM_GRAPH_PASSES_EQUALIZE_LAYERS_H_

#include "graph/graph.h"

namespace signum {

// With r1_i = max |w| over what makes channel i in one layer and r2_i over what
// reads it in the next, channel i is divided by s_i = sqrt(r1_i r2_i) / r2_i in the
// first, bias and all, and multiplied by s_i in the second (equation 11), pair by
// pair until no s_i is far from 1. Two layers are a pair where the one reads the
// other's value through ReLU, PReLU, pooling, dropout, upsampling or flattening
// alone, for which f(s x) = s f(x), and nothing else does. ReLU6 is no such
// function, and batch norms are none: fold them first. Channels that are all
// zero, and layers whose weights are codes, stay as they are.
Graph EqualizeLayers(const Graph& graph);

}  // namespace signum

#endif  // SIGNUM_GRAPH_PASSES_EQUALIZE_LAYERS_H_
