#include <arm_neon.h>

#include "limits/loops_arm64_neon.h"

namespace signum::limits {
namespace {

uint64_t Int8Rounds(int64_t rounds) {
  const uint8x16_t a = vdupq_n_u8(3);
  return Rounds(rounds, [&](uint8x16_t x) {
    return vreinterpretq_u8_u32(vdotq_u32(vreinterpretq_u32_u8(x), x, a));
  });
}

}  // namespace

constexpr Loops kDotprodLoops = LoopsWith(Int8Rounds);

}  // namespace signum::limits
