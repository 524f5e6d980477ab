// 8 columns to a vector. Activations and weights of a step of 4 are split into
// even and odd bytes, widened to 16 bits, and multiplied in pairs by vpmaddwd,
// whose 32-bit sums 2 * 255 * 128 cannot saturate. Weights from panels.h.
#include <immintrin.h>

#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/gemm_u8s8/panels.h"
#include "kernels/tiles_x86_avx2.h"

namespace signum::kernels {
namespace {

struct ByteProduct {
  static constexpr bool kWeightsOnce = true;
  static int64_t SegmentBytes(const Depth& depth) { return PanelSteps(depth) * kPanelStepBytes; }

  template <int kRows>
  static void AddStep(const uint8_t* a, int64_t stride, const uint8_t* w, __m256i* total) {
    const __m256i low_bytes = _mm256_set1_epi16(0xff);
    __m256i even[kHalves];
    __m256i odd[kHalves];
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) {
      const __m256i codes = Load(w + 32 * h);
      even[h] = _mm256_srai_epi16(_mm256_slli_epi16(codes, 8), 8);
      odd[h] = _mm256_srai_epi16(codes, 8);
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m256i values = BroadcastFour(a + r * stride);
      const __m256i even_values = _mm256_and_si256(values, low_bytes);
      const __m256i odd_values = _mm256_srli_epi16(values, 8);
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) {
        __m256i& t = total[r * kHalves + h];
        t = _mm256_add_epi32(t, _mm256_madd_epi16(even_values, even[h]));
        t = _mm256_add_epi32(t, _mm256_madd_epi16(odd_values, odd[h]));
      }
    }
  }

  template <int kRows>
  static void AddSegment(int64_t bytes, const uint8_t* a, int64_t stride, const uint8_t* w,
                         __m256i* total) {
    __m256i sums[kRows * kHalves];
    for (int i = 0; i < kRows * kHalves; ++i) sums[i] = total[i];
    for (int64_t i = 0; i < bytes; i += kPanelStepDepth) {
      AddStep<kRows>(a + i, stride, w, sums);
      w += kPanelStepBytes;
    }
    for (int i = 0; i < kRows * kHalves; ++i) total[i] = sums[i];
  }

  static int32_t RowTerm(const uint8_t*, const int64_t*, const Depth&) { return 0; }
  static __m256i Finish(__m256i init, __m256i, __m256i total, const Depth&) {
    return _mm256_add_epi32(init, total);
  }
};

}  // namespace

constexpr IntegerGemmKernel kGemmU8S8X86Avx2 = {"gemm_u8s8_x86_avx2",
                                                Isa::kAvx2,
                                                125,
                                                1,
                                                PanelPackedBytes<1>,
                                                PackPanels<1>,
                                                RunRowTiles<HalvesMicro<ByteProduct>>};

}  // namespace signum::kernels
