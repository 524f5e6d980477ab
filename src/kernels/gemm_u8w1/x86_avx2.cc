// 8 columns to a vector, 4 products to a 32-bit lane (vpmaddubsw, two 16-bit
// sums to a lane). With weights W = 2 * b - 1, b a bit: sum of A * W =
// 2 * (sum of A * b) - (sum of A), and the second sum is one number for each
// row. Bits are expanded by a shift and an AND from bit planes (bit_planes.h).
//
// Bound: a 16-bit lane grows by at most 2 * 255 for each plane, so the 64 planes
// of kWidenGroups groups reach 32640 < 2^15, and nothing saturates; then the
// lanes are widened to 32 bits.
#include <immintrin.h>

#include <algorithm>

#include "kernels/gemm_u8w1/bit_planes.h"
#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/gemm_u8w1/lookup.h"
#include "kernels/tiles_x86_avx2.h"

namespace signum::kernels {
namespace {

constexpr int64_t kWidenGroups = 8;

// The sum of a row's bytes.
inline int32_t RowSum(const uint8_t* row, const int64_t* offsets, const Depth& depth) {
  __m256i sum = _mm256_setzero_si256();
  int64_t rest = 0;
  for (int64_t segment = 0; segment < depth.segments; ++segment) {
    const uint8_t* a = row + offsets[segment];
    int64_t i = 0;
    for (; i + 32 <= depth.bytes; i += 32) {
      sum = _mm256_add_epi64(sum, _mm256_sad_epu8(Load(a + i), _mm256_setzero_si256()));
    }
    for (; i < depth.bytes; ++i) rest += a[i];
  }
  int64_t parts[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(parts), sum);
  return static_cast<int32_t>(parts[0] + parts[1] + parts[2] + parts[3] + rest);
}

struct SignProduct {
  static constexpr bool kWeightsOnce = false;
  static int64_t SegmentBytes(const Depth& depth) { return BitPlaneGroups(depth) * kBitPlaneBytes; }

  // narrow[r * kHalves + h] += sum over the first `planes` of a group of A * b.
  template <int kRows>
  static inline void AddGroup(int planes, const uint8_t* a, int64_t stride, const uint8_t* w,
                              __m256i* narrow) {
    const __m256i ones = _mm256_set1_epi8(1);
    __m256i shifted[kHalves];
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) shifted[h] = Load(w + 32 * h);
#pragma GCC unroll 8
    for (int plane = 0; plane < planes; ++plane) {
      __m256i bits[kHalves];
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) {
        bits[h] = _mm256_and_si256(shifted[h], ones);
        shifted[h] = _mm256_srli_epi16(shifted[h], 1);
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const __m256i values = BroadcastFour(a + r * stride + 4 * plane);
#pragma GCC unroll 2
        for (int h = 0; h < kHalves; ++h) {
          __m256i& v = narrow[r * kHalves + h];
          v = _mm256_add_epi16(v, _mm256_maddubs_epi16(values, bits[h]));
        }
      }
    }
  }

  // total[r * kHalves + h] += sum over `bytes`, at most those of kWidenGroups groups.
  template <int kRows>
  static void AddGroups(int64_t bytes, const uint8_t* a, int64_t stride, const uint8_t* w,
                        __m256i* total) {
    __m256i narrow[kRows * kHalves];
    for (auto& v : narrow) v = _mm256_setzero_si256();
    for (; bytes >= kBitPlaneDepth; bytes -= kBitPlaneDepth) {
      AddGroup<kRows>(8, a, stride, w, narrow);
      a += kBitPlaneDepth;
      w += kBitPlaneBytes;
    }
    if (bytes > 0) AddGroup<kRows>(static_cast<int>((bytes + 3) / 4), a, stride, w, narrow);
    const __m256i pair_ones = _mm256_set1_epi16(1);
#pragma GCC unroll 8
    for (int i = 0; i < kRows * kHalves; ++i) {
      total[i] = _mm256_add_epi32(total[i], _mm256_madd_epi16(narrow[i], pair_ones));
    }
  }

  template <int kRows>
  static void AddSegment(int64_t bytes, const uint8_t* a, int64_t stride, const uint8_t* w,
                         __m256i* total) {
    constexpr int64_t kMost = kWidenGroups * kBitPlaneDepth;
    for (int64_t i = 0; i < bytes; i += kMost) {
      AddGroups<kRows>(std::min(kMost, bytes - i), a + i, stride,
                       w + i / kBitPlaneDepth * kBitPlaneBytes, total);
    }
  }

  static int32_t RowTerm(const uint8_t* row, const int64_t* offsets, const Depth& depth) {
    return RowSum(row, offsets, depth);
  }
  static __m256i Finish(__m256i init, __m256i row_sum, __m256i total, const Depth&) {
    return _mm256_add_epi32(_mm256_sub_epi32(init, row_sum), _mm256_slli_epi32(total, 1));
  }
};

// Two vectors to a group, whose lanes of 16 bytes are those of i = 0 and 2, and 1 and 3.
struct LookupVector {
  static constexpr int kVectors = 2;
  static constexpr int kPanels = 2;
  static constexpr int kPlaces[] = {0, 2, 1, 3};
  using Bytes = __m256i;
  static Bytes Zero() { return _mm256_setzero_si256(); }
  static Bytes Load(const uint8_t* p) { return kernels::Load(p); }
  static void LoadGroup(const uint8_t* p, Bytes* group) {
    // In a lane bytes of the same i side by side, then those of two lanes, then of all.
    const __m256i by_four = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,
                                             0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m256i lanes = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const auto two = [&](const uint8_t* from) {
      return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(Load(from), by_four), lanes);
    };
    const __m256i first = two(p);
    const __m256i second = two(p + 32);
    group[0] = _mm256_unpacklo_epi64(first, second);
    group[1] = _mm256_unpackhi_epi64(first, second);
  }
  static Bytes LowNibbles(Bytes x) { return _mm256_and_si256(x, _mm256_set1_epi8(15)); }
  static Bytes HighNibbles(Bytes x) { return LowNibbles(_mm256_srli_epi16(x, 4)); }
  static Bytes Lookup(Bytes tables, Bytes nibbles) { return _mm256_shuffle_epi8(tables, nibbles); }
  static Bytes AddBytes(Bytes x, Bytes y) { return _mm256_add_epi8(x, y); }
  static Bytes AddWords(Bytes x, Bytes y) { return _mm256_add_epi16(x, y); }
  static Bytes EvenBytes(Bytes x) { return _mm256_and_si256(x, _mm256_set1_epi16(255)); }
  static Bytes OddBytes(Bytes x) { return _mm256_srli_epi16(x, 8); }
  static void SumLanes(Bytes words, uint16_t* sums) {
    const __m128i half =
        _mm_add_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sums), half);
  }
};

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  const IntegerGemmProblem problem = {rows, n, depth, packed, init, c, ldc};
  if (rows.rows() == 1 && n >= kLookupColumns) return LookupProduct<LookupVector>::Run(problem);
  ForEachRowTile<HalvesMicro<SignProduct>>(problem);
}

}  // namespace

constexpr IntegerGemmKernel kGemmU8W1X86Avx2 = {
    .name = "gemm_u8w1_x86_avx2",
    .isa = Isa::kAvx2,
    .nominal_gops = 200,
    .segment_cost_bytes = 24,
    .packed_bytes = BitPlanePackedBytes,
    .pack = PackBitPlanes,
    .run = Run,
    .row_alone = {.gops = 270, .least_columns = kLookupColumns},
};

}  // namespace signum::kernels
