// Graphs that the tests of this room write and read.
#ifndef SIGNUM_FORMAT_TEST_GRAPHS_H_
#define SIGNUM_FORMAT_TEST_GRAPHS_H_

#include "graph/graph.h"

namespace signum::format {

// Every operator and every attribute at a value other than its default, weight
// codes of 1 to 8 bits, metadata and class names.
Graph EveryOpGraph();

// The ResNet-20 of He et al. 2016 for CIFAR-10 (272,474 parameters with
// projection shortcuts) with 1-bit weights, the first and last layer 8-bit, and
// 8-bit activations. With `folded`, each batch normalization is a bias of the
// convolution before it, as in a network ready to run.
Graph ResNet20W1A8(bool folded);

// Input, 1-bit convolution, float linear layer: a few hundred bytes.
Graph TinyGraph();

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_TEST_GRAPHS_H_
