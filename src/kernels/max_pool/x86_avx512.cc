// A vector of elements at a time through all taps; the last vector is masked.
#include <immintrin.h>

#include "kernels/max_pool/max_pool.h"

namespace signum::kernels {
namespace {

// vmaxps gives its second operand where neither is larger, NaN included, as the
// contract's comparison does.
struct LargestFloats {
  using Element = float;
  static constexpr int64_t kLanes = 16;
  static __m512 Load(const float* p) { return _mm512_loadu_ps(p); }
  static __m512 Load(const float* p, uint64_t mask) {
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), p);
  }
  static void Store(float* p, __m512 x) { _mm512_storeu_ps(p, x); }
  static void Store(float* p, uint64_t mask, __m512 x) {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>(mask), x);
  }
  static __m512 Join(__m512 tap, __m512 x) { return _mm512_max_ps(tap, x); }
};

struct Bytes {
  using Element = uint8_t;
  static constexpr int64_t kLanes = 64;
  static __m512i Load(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static __m512i Load(const uint8_t* p, uint64_t mask) { return _mm512_maskz_loadu_epi8(mask, p); }
  static void Store(uint8_t* p, __m512i x) { _mm512_storeu_si512(p, x); }
  static void Store(uint8_t* p, uint64_t mask, __m512i x) { _mm512_mask_storeu_epi8(p, mask, x); }
};
struct LargestBytes : Bytes {
  static __m512i Join(__m512i tap, __m512i x) { return _mm512_max_epu8(tap, x); }
};
struct EitherBits : Bytes {
  static __m512i Join(__m512i tap, __m512i x) { return _mm512_or_si512(tap, x); }
};

template <typename Of>
void Run(const typename Of::Element* const* taps, int64_t tap_count, int64_t count,
         typename Of::Element* out) {
  int64_t i = 0;
  for (; i + Of::kLanes <= count; i += Of::kLanes) {
    auto x = Of::Load(taps[0] + i);
    for (int64_t t = 1; t < tap_count; ++t) x = Of::Join(Of::Load(taps[t] + i), x);
    Of::Store(out + i, x);
  }
  if (i == count) return;
  const uint64_t mask = (uint64_t{1} << (count - i)) - 1;
  auto x = Of::Load(taps[0] + i, mask);
  for (int64_t t = 1; t < tap_count; ++t) x = Of::Join(Of::Load(taps[t] + i, mask), x);
  Of::Store(out + i, mask, x);
}

}  // namespace

constexpr MaxPoolKernel kMaxPoolX86Avx512 = {
    "max_pool_x86_avx512", Isa::kAvx512, Run<LargestFloats>, Run<LargestBytes>, Run<EitherBits>};

}  // namespace signum::kernels
