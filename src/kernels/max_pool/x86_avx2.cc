// A vector of elements at a time through all taps. The last vector overlaps the one
// before; fewer elements than one go one by one.
#include <immintrin.h>

#include "kernels/max_pool/max_pool.h"

namespace signum::kernels {
namespace {

// vmaxps gives its second operand where neither is larger, NaN included, as the
// contract's comparison does.
struct LargestFloats {
  using Element = float;
  static constexpr int64_t kLanes = 8;
  static __m256 Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, __m256 x) { _mm256_storeu_ps(p, x); }
  static __m256 Join(__m256 tap, __m256 x) { return _mm256_max_ps(tap, x); }
  static float Join(float tap, float x) { return tap > x ? tap : x; }
};

struct Bytes {
  using Element = uint8_t;
  static constexpr int64_t kLanes = 32;
  static __m256i Load(const uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static void Store(uint8_t* p, __m256i x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
  }
};
struct LargestBytes : Bytes {
  static __m256i Join(__m256i tap, __m256i x) { return _mm256_max_epu8(tap, x); }
  static uint8_t Join(uint8_t tap, uint8_t x) { return tap > x ? tap : x; }
};
struct EitherBits : Bytes {
  static __m256i Join(__m256i tap, __m256i x) { return _mm256_or_si256(tap, x); }
  static uint8_t Join(uint8_t tap, uint8_t x) { return tap | x; }
};

template <typename Of>
void Run(const typename Of::Element* const* taps, int64_t tap_count, int64_t count,
         typename Of::Element* out) {
  const auto vector = [&](int64_t i) {
    auto x = Of::Load(taps[0] + i);
    for (int64_t t = 1; t < tap_count; ++t) x = Of::Join(Of::Load(taps[t] + i), x);
    Of::Store(out + i, x);
  };
  if (count >= Of::kLanes) {
    for (int64_t i = 0; i + Of::kLanes <= count; i += Of::kLanes) vector(i);
    if (count % Of::kLanes != 0) vector(count - Of::kLanes);
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    auto x = taps[0][i];
    for (int64_t t = 1; t < tap_count; ++t) x = Of::Join(taps[t][i], x);
    out[i] = x;
  }
}

}  // namespace

constexpr MaxPoolKernel kMaxPoolX86Avx2 = {"max_pool_x86_avx2", Isa::kAvx2, Run<LargestFloats>,
                                           Run<LargestBytes>, Run<EitherBits>};

}  // namespace signum::kernels
