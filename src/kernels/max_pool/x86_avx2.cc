#include <immintrin.h>

#include "kernels/max_pool/max_pool.h"
#include "kernels/max_pool/overlapping_vectors.h"

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

}  // namespace

constexpr MaxPoolKernel kMaxPoolX86Avx2 = {"max_pool_x86_avx2", Isa::kAvx2,
                                           RunVectors<LargestFloats>, RunVectors<LargestBytes>,
                                           RunVectors<EitherBits>};

}  // namespace signum::kernels
