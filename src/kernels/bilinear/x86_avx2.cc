#include <immintrin.h>

#include <cstring>

#include "kernels/bilinear/bilinear.h"
#include "kernels/bilinear/columns.h"
#include "kernels/bilinear/overlapping_vectors.h"

namespace signum::kernels {
namespace {

struct EightLanes {
  static constexpr int64_t kLanes = 8;
  static __m256 Load(const float* p, int32_t, float) { return _mm256_loadu_ps(p); }
  static __m256 Load(const uint8_t* p, int32_t zero_point, float scale) {
    int64_t eight;
    std::memcpy(&eight, p, sizeof eight);
    const __m256i codes = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(eight));
    const __m256 steps = _mm256_cvtepi32_ps(_mm256_sub_epi32(codes, _mm256_set1_epi32(zero_point)));
    return _mm256_mul_ps(steps, _mm256_set1_ps(scale));
  }
  static void Store(float* p, __m256 x) { _mm256_storeu_ps(p, x); }
  static __m256 Blend(__m256 x, float x_weight, __m256 y, float y_weight) {
    return _mm256_add_ps(_mm256_mul_ps(x, _mm256_set1_ps(x_weight)),
                         _mm256_mul_ps(y, _mm256_set1_ps(y_weight)));
  }
};

struct FourLanes {
  static constexpr int64_t kLanes = 4;
  static __m128 Load(const float* p, int32_t, float) { return _mm_loadu_ps(p); }
  static __m128 Load(const uint8_t* p, int32_t zero_point, float scale) {
    int32_t four;
    std::memcpy(&four, p, sizeof four);
    const __m128i codes = _mm_cvtepu8_epi32(_mm_cvtsi32_si128(four));
    const __m128 steps = _mm_cvtepi32_ps(_mm_sub_epi32(codes, _mm_set1_epi32(zero_point)));
    return _mm_mul_ps(steps, _mm_set1_ps(scale));
  }
  static void Store(float* p, __m128 x) { _mm_storeu_ps(p, x); }
  static __m128 Blend(__m128 x, float x_weight, __m128 y, float y_weight) {
    return _mm_add_ps(_mm_mul_ps(x, _mm_set1_ps(x_weight)), _mm_mul_ps(y, _mm_set1_ps(y_weight)));
  }
};

using Pixel = OverlappingVectors<EightLanes, FourLanes, OneLane>;

}  // namespace

constexpr BilinearKernel kBilinearX86Avx2 = {"bilinear_x86_avx2", Isa::kAvx2,
                                             RunColumns<Pixel, float>, RunColumns<Pixel, uint8_t>};

}  // namespace signum::kernels
