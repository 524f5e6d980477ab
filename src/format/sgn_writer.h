// SerializeSgn with the producer as an argument, so that a test can hold the
// bytes fast across versions. Internal to this room.
#ifndef SIGNUM_FORMAT_SGN_WRITER_H_
#define SIGNUM_FORMAT_SGN_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace signum::format {

std::vector<uint8_t> SerializeSgnAs(const Graph& graph, const std::string& producer);

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_SGN_WRITER_H_
