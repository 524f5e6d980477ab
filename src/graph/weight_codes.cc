#include "graph/weight_codes.h"

#include <fmt/format.h>

#include "graph/ops.h"

namespace signum {

Status CheckWeightCodes(std::span<const int8_t> codes, int bits) {
  const int lowest = LowestWeightCode(bits), highest = HighestWeightCode(bits);
  if (bits == 8) return {};
  // All of them without a way out of the loop, so that compilers vectorize it.
  uint8_t outside = 0;
  const auto count = static_cast<uint8_t>(highest - lowest);
  if (bits == 1) {
    for (int8_t code : codes) outside |= static_cast<uint8_t>(code + 1) & ~2u;  // 0 and 2 are left
  } else {
    for (int8_t code : codes) outside |= static_cast<uint8_t>(code - lowest) > count ? 1 : 0;
  }
  if (outside == 0) return {};
  for (int8_t code : codes) {
    if (code < lowest || code > highest || (bits == 1 && code == 0)) {
      return InvalidArgument(fmt::format("weight code {} does not fit {} bit(s)", code, bits));
    }
  }
  return {};
}

}  // namespace signum
