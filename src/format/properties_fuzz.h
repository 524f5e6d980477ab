// What holds whatever the bytes of a file: the properties that this room's fuzz
// targets check. Each ends the process where it does not hold.
#ifndef SIGNUM_FORMAT_PROPERTIES_FUZZ_H_
#define SIGNUM_FORMAT_PROPERTIES_FUZZ_H_

#include <cstddef>

#include "format/tensor_file.h"
#include "graph/graph.h"
#include "signum/result.h"

namespace signum::format {

// An error is one line that may be printed anywhere, of less than so many bytes.
void CheckMessage(const Error& error, size_t most_bytes = 4000);

// A graph that was read verifies, has no sum that could overflow, and can be written
// as .sgn, from which an equal one is read.
void CheckReadGraph(const Graph& graph);

// Every tensor is a view within its data and converts, or says why not.
void CheckTensors(const TensorFile& file);

// Puts the tensors into a small network, as `signum import` does. What comes of it
// can be written, or verification says why not.
void CheckImport(const TensorFile& file);

// The small network's structure, with parameters to replace.
Graph ImportNetwork();

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_PROPERTIES_FUZZ_H_
