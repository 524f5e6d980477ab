// The .sgn model file: a Graph as bytes. The reader is a door to the outside
// world: whatever the bytes, it returns a Graph that verifies or an error that
// names the place and the reason. sgn.fbs is the layout. Knows no kernel and
// packs for none: the bytes are the same for every machine.
#ifndef SIGNUM_FORMAT_SGN_H_
#define SIGNUM_FORMAT_SGN_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "signum/result.h"

namespace signum {

// A network that runs at one of several numbers of bits, 1 to 8 or 32 for float: a graph for each,
// with the same classes. In a file they have the name and the metadata of the one of the most bits.
using PrecisionGraphs = std::map<int, Graph>;

// The graph in the file at `path`. Errors name the path, the place in the file
// and the reason. The graph verifies (signum::Verify) and its integer layers
// cannot overflow (signum::CheckAccumulators). Of a file with several precisions, the one of
// `bits`, or for 0 the one of the most; an error lists what there are.
Result<Graph> ReadSgn(const std::string& path, int bits = 0);

// The same for bytes in memory. Never crashes or hangs, and allocates no more
// than a small multiple of bytes.size(), whatever the bytes.
Result<Graph> ParseSgn(std::span<const uint8_t> bytes, int bits = 0);

// The bits of the precisions in the file at `path`, rising; none where it holds one network. Errors
// as ReadSgn's, of what it reads of the file.
Result<std::vector<int>> ReadPrecisions(const std::string& path);

// The graph as bytes: equal graphs give equal bytes on every machine. The graph
// must verify, its names must be short UTF-8 and its nodes few enough for the
// reader (else the process ends: WriteSgn checks); a weight of int8 codes must
// have its node's weight quantizer.
std::vector<uint8_t> SerializeSgn(const Graph& graph);
// Likewise of two precisions or more.
std::vector<uint8_t> SerializeSgn(const PrecisionGraphs& graphs);

// SerializeSgn to the file at `path`: written beside and renamed over it, so
// that a failed write leaves the old file as it was. The error names the path.
Status WriteSgn(const Graph& graph, const std::string& path);

// The same for several precisions of one network, at least two.
Status WriteSgn(const PrecisionGraphs& graphs, const std::string& path);

}  // namespace signum

#endif  // SIGNUM_FORMAT_SGN_H_
