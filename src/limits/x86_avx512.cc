#include <immintrin.h>

#include "limits/loops.h"

namespace signum::limits {
namespace {

constexpr int kChains = 16;  // independent sums: more than latency times width

// Rounds of one step of every chain.
template <typename Step>
uint64_t Rounds(int64_t rounds, const Step& step) {
  __m512i chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = _mm512_set1_epi32(i);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) chains[i] = step(chains[i]);
  }
  uint64_t total = 0;
  for (const __m512i& chain : chains) {
    total += static_cast<uint64_t>(_mm512_reduce_add_epi32(chain));
  }
  return total;
}

uint64_t FloatRounds(int64_t rounds) {
  const __m512 factor = _mm512_set1_ps(0.999f);
  return Rounds(rounds, [&](__m512i x) {
    return _mm512_castps_si512(_mm512_fmadd_ps(_mm512_castsi512_ps(x), factor, factor));
  });
}

uint64_t Int8Rounds(int64_t rounds) {
  const __m512i a = _mm512_set1_epi8(3);
  return Rounds(rounds, [&](__m512i x) { return _mm512_dpbusd_epi32(x, a, a); });
}

uint64_t BitRounds(int64_t rounds) {
  const __m512i a = _mm512_set1_epi8(0x35);
  return Rounds(rounds, [&](__m512i x) {
    return _mm512_add_epi32(x, _mm512_popcnt_epi32(_mm512_xor_si512(x, a)));
  });
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
