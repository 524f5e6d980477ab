#include <immintrin.h>

#include "limits/loops.h"

namespace signum::limits {
namespace {

constexpr int kChains = 10;  // independent sums: more than latency times width

// Rounds of one step of every chain.
template <typename Step>
uint64_t Rounds(int64_t rounds, const Step& step) {
  __m256i chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = _mm256_set1_epi8(static_cast<char>(i));
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 10
    for (int i = 0; i < kChains; ++i) chains[i] = step(chains[i]);
  }
  uint64_t total = 0;
  for (const __m256i& chain : chains) {
    total += static_cast<uint64_t>(_mm256_extract_epi64(chain, 0)) +
             static_cast<uint64_t>(_mm256_extract_epi64(chain, 3));
  }
  return total;
}

uint64_t FloatRounds(int64_t rounds) {
  const __m256 factor = _mm256_set1_ps(0.999f);
  return Rounds(rounds, [&](__m256i x) {
    return _mm256_castps_si256(_mm256_fmadd_ps(_mm256_castsi256_ps(x), factor, factor));
  });
}

// vpmaddubsw, vpmaddwd and an add: what int8 costs without VNNI.
uint64_t Int8Rounds(int64_t rounds) {
  const __m256i a = _mm256_set1_epi8(3);
  const __m256i ones = _mm256_set1_epi16(1);
  return Rounds(rounds, [&](__m256i x) {
    return _mm256_add_epi32(x, _mm256_madd_epi16(_mm256_maddubs_epi16(x, a), ones));
  });
}

// The bits of each half byte looked up, and bytes added.
uint64_t BitRounds(int64_t rounds) {
  const __m256i a = _mm256_set1_epi8(0x35);
  const __m256i half = _mm256_set1_epi8(0x0f);
  return Rounds(rounds, [&](__m256i x) {
    const __m256i differ = _mm256_xor_si256(x, a);
    const __m256i low = _mm256_shuffle_epi8(a, _mm256_and_si256(differ, half));
    const __m256i high =
        _mm256_shuffle_epi8(a, _mm256_and_si256(_mm256_srli_epi16(differ, 4), half));
    return _mm256_add_epi8(x, _mm256_add_epi8(low, high));
  });
}

uint64_t Read(const uint8_t* buffer, int64_t bytes) {
  __m256i joined[4];
  for (auto& x : joined) x = _mm256_setzero_si256();
  for (int64_t at = 0; at < bytes; at += 128) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const auto* from = reinterpret_cast<const __m256i*>(buffer + at + 32 * i);
      joined[i] = _mm256_or_si256(joined[i], _mm256_loadu_si256(from));
    }
  }
  const __m256i all =
      _mm256_or_si256(_mm256_or_si256(joined[0], joined[1]), _mm256_or_si256(joined[2], joined[3]));
  return static_cast<uint64_t>(_mm256_extract_epi64(all, 0)) |
         static_cast<uint64_t>(_mm256_extract_epi64(all, 2));
}

}  // namespace

constexpr Loops kAvx2Loops = {.float_rounds = FloatRounds,
                              .int8_rounds = Int8Rounds,
                              .bit_rounds = BitRounds,
                              .float_ops = 2.0 * 8 * kChains,
                              .int8_ops = 2.0 * 32 * kChains,
                              .bit_ops = 2.0 * 256 * kChains,
                              .read = Read};

}  // namespace signum::limits
