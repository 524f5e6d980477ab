// The JSON header of a safetensors file, read as a stream: nothing that it states
// is trusted, and no tree of it is built. Internal to this room.
#ifndef SIGNUM_FORMAT_SAFETENSORS_HEADER_H_
#define SIGNUM_FORMAT_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "signum/result.h"

namespace signum::format {

// One entry as it stands there, unchecked but for its form.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;              // "F32"
  std::vector<uint64_t> shape;    // at most kMaxRank + 1 sizes
  std::vector<uint64_t> offsets;  // begin and end, behind the header
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the header's order; names are unique
  std::map<std::string, std::string> metadata;
};

Result<SafetensorsHeader> ParseSafetensorsHeader(std::string_view json);

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_SAFETENSORS_HEADER_H_
