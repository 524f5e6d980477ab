// What the reader and the writer of .sgn agree upon beyond the schema: version,
// limits, what may stand in a text, and the seal; and what the readers of other files
// share with them. Internal to this room.
#ifndef SIGNUM_FORMAT_SGN_WIRE_H_
#define SIGNUM_FORMAT_SGN_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "graph/graph.h"
#include "signum/result.h"

namespace signum::format {

// Rises when an older reader would misunderstand a file.
inline constexpr uint32_t kFormatVersion = 1;

// Far above any real network; they bound the work that a hostile file causes.
inline constexpr size_t kMaxNodes = 16384;
inline constexpr size_t kMaxFacts = 4096;
inline constexpr size_t kMaxPrecisions = 32;
inline constexpr size_t kMaxRank = 8;
inline constexpr size_t kMaxNameBytes = 1024;   // of a node, graph, class or key
inline constexpr size_t kMaxFactBytes = 65536;  // of a metadata value
// FlatBuffers' offsets end at 2 GiB.
inline constexpr size_t kMaxFileBytes = (size_t{1} << 31) - 1;

// What to do about a damaged file: the end of every message about one.
inline constexpr const char* kCopyAgain = "; copy or download it again";

// Whether `text` is UTF-8 without control characters (they would garble a
// terminal, a table or JSON). Line feeds and tabs pass where `allow_lines`.
bool IsText(std::string_view text, bool allow_lines);

// `text` for a message: what is not plain ASCII becomes '?', what is long is cut.
std::string Printable(std::string_view text);

// Whether a graph that verifies also keeps the limits above.
Status CheckLimits(const Graph& graph);

// An upper bound of the size of a file of this graph.
size_t EstimatedBytes(const Graph& graph);

// A 64-bit checksum. Each 8 bytes, as a little-endian word (the last padded
// with zeros): h = (h ^ word) * 0x9E3779B97F4A7C15, then h ^= h >> 32; h starts
// as the number of bytes. Both steps are one-to-one, so that a change within
// one word never goes unnoticed. The 8 bytes at `skip`, a multiple of 8, count
// as zeros. Guards against accidents, not against forgers.
uint64_t Checksum(std::span<const uint8_t> bytes, size_t skip);

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_SGN_WIRE_H_
