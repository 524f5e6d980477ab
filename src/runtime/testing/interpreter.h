// The slow twin of the runtime, for its tests: interprets a graph node by node
// in double precision on NCHW values, from the definitions in graph/ops.h. Knows
// no fusion, no layout and no kernel.
#ifndef SIGNUM_RUNTIME_TESTING_INTERPRETER_H_
#define SIGNUM_RUNTIME_TESTING_INTERPRETER_H_

#include <vector>

#include "graph/graph.h"

namespace signum::runtime {

// The output for `batch` images, {batch, ...} in row-major order. `exact`, where given, is
// set to whether floats hold every node's value without rounding.
std::vector<double> Interpret(const Graph& graph, const std::vector<float>& images, int64_t batch,
                              bool* exact = nullptr);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_TESTING_INTERPRETER_H_
