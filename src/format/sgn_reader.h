// The part of the .sgn reader that other formats of this room use. Internal to it.
#ifndef SIGNUM_FORMAT_SGN_READER_H_
#define SIGNUM_FORMAT_SGN_READER_H_

#include <cstdint>
#include <span>

#include "graph/graph.h"
#include "signum/result.h"

namespace signum::format {

// The graph in a .sgn file's bytes as ParseSgn reads it, but not verified: for
// files that keep the parameters elsewhere, to verify once they are in their place.
Result<Graph> ParseStructure(std::span<const uint8_t> bytes, int bits = 0);

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_SGN_READER_H_
