#include <immintrin.h>

#include "kernels/depthwise_f32/depthwise_f32.h"
#include "kernels/depthwise_f32/vector_tiles.h"

namespace signum::kernels {
namespace {

struct Avx2 {
  using Vector = __m256;
  static constexpr int kLanes = 8;
  static constexpr int kTiles = 8;
  static constexpr int kRegisters = 16;
  static Vector Load(const float* p) { return _mm256_loadu_ps(p); }
  static Vector LoadSome(const float* p, int64_t count) {
    return _mm256_maskload_ps(p, Mask(count));
  }
  static void Store(float* p, Vector x) { _mm256_storeu_ps(p, x); }
  static void StoreSome(float* p, int64_t count, Vector x) {
    _mm256_maskstore_ps(p, Mask(count), x);
  }
  static Vector MultiplyAdd(Vector a, Vector b, Vector sum) { return _mm256_fmadd_ps(a, b, sum); }

 private:
  static __m256i Mask(int64_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
  }
};

}  // namespace

constexpr DepthwiseF32Kernel kDepthwiseF32X86Avx2 = {
    "depthwise_f32_x86_avx2", Isa::kAvx2, DepthwiseBlockBytes<Avx2, float>,
    PackDepthwiseBlocks<Avx2, float>, DepthwiseTiles<Avx2>::Run};

}  // namespace signum::kernels
