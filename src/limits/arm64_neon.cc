#include <arm_neon.h>

#include "limits/loops_arm64_neon.h"

namespace signum::limits {
namespace {

// umull and uadalp, twice: what 16 products cost without dot products.
uint64_t Int8Rounds(int64_t rounds) {
  const uint8x16_t a = vdupq_n_u8(3);
  return Rounds(rounds, [&](uint8x16_t x) {
    const uint16x8_t low = vmull_u8(vget_low_u8(x), vget_low_u8(a));
    const uint16x8_t high = vmull_high_u8(x, a);
    return vreinterpretq_u8_u32(vpadalq_u16(vpadalq_u16(vreinterpretq_u32_u8(x), low), high));
  });
}

}  // namespace

constexpr Loops kNeonLoops = LoopsWith(Int8Rounds);

}  // namespace signum::limits
