#include <immintrin.h>

#include "limits/loops.h"

namespace signum::limits {
namespace {

constexpr int kChains = 16;  // independent sums: more than latency times width

uint64_t FloatRounds(int64_t rounds) {
  __m512 sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 factor = _mm512_set1_ps(0.999f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) sums[i] = _mm512_fmadd_ps(sums[i], factor, factor);
  }
  float total = 0;
  for (const __m512& sum : sums) total += _mm512_reduce_add_ps(sum);
  return static_cast<uint64_t>(total);
}

uint64_t Int8Rounds(int64_t rounds) {
  __m512i sums[kChains];
  for (auto& sum : sums) sum = _mm512_setzero_si512();
  const __m512i a = _mm512_set1_epi8(3);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], a, a);
  }
  uint64_t total = 0;
  for (const __m512i& sum : sums) total += static_cast<uint64_t>(_mm512_reduce_add_epi32(sum));
  return total;
}

uint64_t BitRounds(int64_t rounds) {
  __m512i sums[kChains];
  for (auto& sum : sums) sum = _mm512_setzero_si512();
  const __m512i a = _mm512_set1_epi8(0x35);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) {
      const __m512i differ = _mm512_xor_si512(sums[i], a);
      sums[i] = _mm512_add_epi32(sums[i], _mm512_popcnt_epi32(differ));
    }
  }
  uint64_t total = 0;
  for (const __m512i& sum : sums) total += static_cast<uint64_t>(_mm512_reduce_add_epi32(sum));
  return total;
}

uint64_t Read(const uint8_t* buffer, int64_t bytes) {
  __m512i joined[4];
  for (auto& x : joined) x = _mm512_setzero_si512();
  for (int64_t at = 0; at < bytes; at += 256) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      joined[i] = _mm512_or_si512(joined[i], _mm512_loadu_si512(buffer + at + 64 * i));
    }
  }
  const __m512i all =
      _mm512_or_si512(_mm512_or_si512(joined[0], joined[1]), _mm512_or_si512(joined[2], joined[3]));
  return static_cast<uint64_t>(_mm512_reduce_or_epi64(all));
}

}  // namespace

constexpr Loops kAvx512Loops = {.float_rounds = FloatRounds,
                                .int8_rounds = Int8Rounds,
                                .bit_rounds = BitRounds,
                                .float_ops = 2.0 * 16 * kChains,
                                .int8_ops = 2.0 * 64 * kChains,
                                .bit_ops = 2.0 * 512 * kChains,
                                .read = Read};

}  // namespace signum::limits
