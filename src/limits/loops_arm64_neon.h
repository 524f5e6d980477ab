// The loops that NEON and what includes it share. For files of those ISAs only, in an
// anonymous namespace; they include <arm_neon.h> before it.
#ifndef SIGNUM_LIMITS_LOOPS_ARM64_NEON_H_
#define SIGNUM_LIMITS_LOOPS_ARM64_NEON_H_

#include "limits/loops.h"

namespace signum::limits {
namespace {

constexpr int kChains = 16;  // independent sums: more than latency times width

// Rounds of one step of every chain.
template <typename Step>
uint64_t Rounds(int64_t rounds, const Step& step) {
  uint8x16_t chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = vdupq_n_u8(static_cast<uint8_t>(i));
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) chains[i] = step(chains[i]);
  }
  uint64_t total = 0;
  for (const uint8x16_t& chain : chains) total += vaddlvq_u8(chain);
  return total;
}

uint64_t FloatRounds(int64_t rounds) {
  const float32x4_t factor = vdupq_n_f32(0.999f);
  return Rounds(rounds, [&](uint8x16_t x) {
    return vreinterpretq_u8_f32(vfmaq_f32(factor, vreinterpretq_f32_u8(x), factor));
  });
}

// XOR, count, and add in pairs.
uint64_t BitRounds(int64_t rounds) {
  const uint8x16_t a = vdupq_n_u8(0x35);
  return Rounds(rounds, [&](uint8x16_t x) {
    const uint8x16_t counts = vcntq_u8(veorq_u8(x, a));
    return vreinterpretq_u8_u16(vpadalq_u8(vreinterpretq_u16_u8(x), counts));
  });
}

uint64_t Read(const uint8_t* buffer, int64_t bytes) {
  uint8x16_t joined[4];
  for (auto& x : joined) x = vdupq_n_u8(0);
  for (int64_t at = 0; at < bytes; at += 64) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) joined[i] = vorrq_u8(joined[i], vld1q_u8(buffer + at + 16 * i));
  }
  return vaddlvq_u8(vorrq_u8(vorrq_u8(joined[0], joined[1]), vorrq_u8(joined[2], joined[3])));
}

// With a loop of its own for products of bytes.
constexpr Loops LoopsWith(uint64_t (*int8_rounds)(int64_t rounds)) {
  return {.float_rounds = FloatRounds,
          .int8_rounds = int8_rounds,
          .bit_rounds = BitRounds,
          .float_ops = 2.0 * 4 * kChains,
          .int8_ops = 2.0 * 16 * kChains,
          .bit_ops = 2.0 * 128 * kChains,
          .read = Read};
}

}  // namespace
}  // namespace signum::limits

#endif  // SIGNUM_LIMITS_LOOPS_ARM64_NEON_H_
