// 8 columns to a vector, 32 bits to a lane: XOR, and the bits of each half byte looked up
// by vpshufb (Mula, Kurz and Lemire, "Faster Population Counts Using AVX2 Instructions",
// 2018, section 2.2). Weights from the panels of gemm_u8s8.
//
// Bound: a byte grows by at most 8 for each step, so kWidenSteps steps reach 248 < 256;
// then the bytes of a lane are added up.
#include <immintrin.h>

#include <algorithm>

#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/gemm_u8s8/panels.h"
#include "kernels/tiles_x86_avx2.h"

namespace signum::kernels {
namespace {

constexpr int64_t kWidenSteps = 31;

// The number of ones in each byte.
inline __m256i BytePopcount(__m256i x) {
  const __m256i ones_of = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i half = _mm256_set1_epi8(0x0f);
  const __m256i low = _mm256_shuffle_epi8(ones_of, _mm256_and_si256(x, half));
  const __m256i high =
      _mm256_shuffle_epi8(ones_of, _mm256_and_si256(_mm256_srli_epi16(x, 4), half));
  return _mm256_add_epi8(low, high);
}

struct BitProduct {
  static constexpr bool kWeightsOnce = true;
  static int64_t SegmentBytes(const Depth& depth) { return PanelSteps(depth) * kPanelStepBytes; }

  // total[r * kHalves + h] += the bits of `steps` <= kWidenSteps steps in which A and W
  // differ; of the last step those that `last_mask` has.
  template <int kRows>
  static void AddSteps(int64_t steps, const uint8_t* a, int64_t stride, const uint8_t* w,
                       __m256i last_mask, __m256i* total) {
    __m256i bytes[kRows * kHalves];
    for (auto& b : bytes) b = _mm256_setzero_si256();
    __m256i mask = _mm256_set1_epi8(-1);
    for (int64_t step = 0; step < steps; ++step) {
      if (step == steps - 1) mask = last_mask;
      __m256i weights[kHalves];
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) {
        weights[h] = _mm256_and_si256(mask, Load(w + 32 * h));
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const __m256i values = _mm256_and_si256(mask, BroadcastFour(a + r * stride));
#pragma GCC unroll 2
        for (int h = 0; h < kHalves; ++h) {
          __m256i& b = bytes[r * kHalves + h];
          b = _mm256_add_epi8(b, BytePopcount(_mm256_xor_si256(values, weights[h])));
        }
      }
      a += kPanelStepDepth;
      w += kPanelStepBytes;
    }
    const __m256i byte_ones = _mm256_set1_epi8(1);
    const __m256i pair_ones = _mm256_set1_epi16(1);
#pragma GCC unroll 8
    for (int i = 0; i < kRows * kHalves; ++i) {
      // The counts are the unsigned operand of vpmaddubsw.
      const __m256i pairs = _mm256_maddubs_epi16(bytes[i], byte_ones);
      total[i] = _mm256_add_epi32(total[i], _mm256_madd_epi16(pairs, pair_ones));
    }
  }

  template <int kRows>
  static void AddSegment(int64_t bytes, const uint8_t* a, int64_t stride, const uint8_t* w,
                         __m256i* total) {
    const int64_t steps = (bytes + kPanelStepDepth - 1) / kPanelStepDepth;
    const int64_t left = bytes % kPanelStepDepth;
    const __m256i all = _mm256_set1_epi8(-1);
    const __m256i tail = left == 0 ? all : _mm256_set1_epi32((1 << (8 * left)) - 1);
    for (int64_t step = 0; step < steps; step += kWidenSteps) {
      const int64_t count = std::min(kWidenSteps, steps - step);
      AddSteps<kRows>(count, a + step * kPanelStepDepth, stride, w + step * kPanelStepBytes,
                      step + count == steps ? tail : all, total);
    }
  }

  static int32_t RowTerm(const uint8_t*, const int64_t*, const Depth&) { return 0; }
  static __m256i Finish(__m256i init, __m256i, __m256i total, const Depth& depth) {
    return _mm256_sub_epi32(init, _mm256_slli_epi32(total, depth.planes == 1 ? 1 : 0));
  }
};

}  // namespace

constexpr IntegerGemmKernel kGemmB1W1X86Avx2 = {"gemm_b1w1_x86_avx2",
                                                Isa::kAvx2,
                                                650,
                                                2,
                                                PanelPackedBytes<1>,
                                                PackPanels<1>,
                                                RunRowTiles<HalvesMicro<BitProduct>>};

}  // namespace signum::kernels
