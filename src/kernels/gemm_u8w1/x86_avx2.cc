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

}  // namespace

constexpr IntegerGemmKernel kGemmU8W1X86Avx2 = {"gemm_u8w1_x86_avx2",
                                                Isa::kAvx2,
                                                200,
                                                24,
                                                BitPlanePackedBytes,
                                                PackBitPlanes,
                                                RunRowTiles<HalvesMicro<SignProduct>>};

}  // namespace signum::kernels
