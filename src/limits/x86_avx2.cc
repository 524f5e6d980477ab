#include <immintrin.h>

#include "limits/loops.h"

namespace signum::limits {
namespace {

constexpr int kChains = 10;  // independent sums: more than latency times width

uint64_t Total(const __m256i* sums) {
  uint64_t total = 0;
  for (int i = 0; i < kChains; ++i) {
    total += static_cast<uint64_t>(_mm256_extract_epi64(sums[i], 0)) +
             static_cast<uint64_t>(_mm256_extract_epi64(sums[i], 3));
  }
  return total;
}

uint64_t FloatRounds(int64_t rounds) {
  __m256 sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 factor = _mm256_set1_ps(0.999f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 10
    for (int i = 0; i < kChains; ++i) sums[i] = _mm256_fmadd_ps(sums[i], factor, factor);
  }
  __m256i bits[kChains];
  for (int i = 0; i < kChains; ++i) bits[i] = _mm256_castps_si256(sums[i]);
  return Total(bits);
}

// vpmaddubsw, vpmaddwd and an add: what int8 costs without VNNI.
uint64_t Int8Rounds(int64_t rounds) {
  __m256i sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm256_set1_epi8(static_cast<char>(i));
  const __m256i a = _mm256_set1_epi8(3);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 10
    for (int i = 0; i < kChains; ++i) {
      const __m256i pairs = _mm256_maddubs_epi16(sums[i], a);
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs, ones));
    }
  }
  return Total(sums);
}

// The bits of each half byte looked up, and bytes added.
uint64_t BitRounds(int64_t rounds) {
  __m256i sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm256_set1_epi8(static_cast<char>(i));
  const __m256i a = _mm256_set1_epi8(0x35);
  const __m256i half = _mm256_set1_epi8(0x0f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 10
    for (int i = 0; i < kChains; ++i) {
      const __m256i differ = _mm256_xor_si256(sums[i], a);
      const __m256i low = _mm256_shuffle_epi8(a, _mm256_and_si256(differ, half));
      const __m256i high =
          _mm256_shuffle_epi8(a, _mm256_and_si256(_mm256_srli_epi16(differ, 4), half));
      sums[i] = _mm256_add_epi8(sums[i], _mm256_add_epi8(low, high));
    }
  }
  return Total(sums);
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
