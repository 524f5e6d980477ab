// Whole networks drawn at random: quantized layers of every kind and what real networks
// have between them, with values that have several readers. For tests that compare ways
// of running; knows none of them but the scalar one, whose values choose scales.
#ifndef SIGNUM_RUNTIME_TESTING_RANDOM_NETWORK_H_
#define SIGNUM_RUNTIME_TESTING_RANDOM_NETWORK_H_

#include <cstdint>
#include <string>

#include "runtime/testing/random_graph.h"

namespace signum::runtime {

// A fully quantized network of about ten to sixty small nodes; every value that no other
// node reads is part of its output. With `dyadic`, scales are powers of two and operators
// whose results floats cannot hold are left out, so that the interpreter is met exactly
// wherever values have few enough digits.
RandomGraph RandomNetwork(uint32_t seed, bool dyadic);

// A line for each node: name, operator, inputs, shape.
std::string Describe(const RandomGraph& network);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_TESTING_RANDOM_NETWORK_H_
