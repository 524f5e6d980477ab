// 16 channels to a vector; the last vector of a pixel is masked.
#include <immintrin.h>

#include "kernels/bilinear/bilinear.h"
#include "kernels/bilinear/columns.h"

namespace signum::kernels {
namespace {

// The lanes of a vector that hold channels: all of them where kFull.
template <bool kFull>
struct Lanes {
  __mmask16 mask;

  __m512 Load(const float* p, int32_t, float) const {
    return kFull ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(mask, p);
  }
  __m512 Load(const uint8_t* p, int32_t zero_point, float scale) const {
    const __m512i codes =
        _mm512_cvtepu8_epi32(kFull ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))
                                   : _mm_maskz_loadu_epi8(mask, p));
    const __m512 steps = _mm512_cvtepi32_ps(_mm512_sub_epi32(codes, _mm512_set1_epi32(zero_point)));
    return _mm512_mul_ps(steps, _mm512_set1_ps(scale));
  }
  void Store(float* p, __m512 x) const {
    if constexpr (kFull) {
      _mm512_storeu_ps(p, x);
    } else {
      _mm512_mask_storeu_ps(p, mask, x);
    }
  }
  static __m512 Blend(__m512 x, float x_weight, __m512 y, float y_weight) {
    return _mm512_add_ps(_mm512_mul_ps(x, _mm512_set1_ps(x_weight)),
                         _mm512_mul_ps(y, _mm512_set1_ps(y_weight)));
  }
};

struct Pixel {
  template <typename Visit>
  static void ForEachVector(int64_t channels, const Visit& visit) {
    const int64_t whole = channels / 16 * 16;
    for (int64_t channel = 0; channel < whole; channel += 16) {
      visit(Lanes<true>{.mask = 0xffff}, channel);
    }
    if (whole == channels) return;
    visit(Lanes<false>{.mask = static_cast<__mmask16>((1 << (channels - whole)) - 1)}, whole);
  }
};

}  // namespace

constexpr BilinearKernel kBilinearX86Avx512 = {
    "bilinear_x86_avx512", Isa::kAvx512, RunColumns<Pixel, float>, RunColumns<Pixel, uint8_t>};

}  // namespace signum::kernels
