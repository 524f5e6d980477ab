#include <immintrin.h>

#include "kernels/depthwise_f32/depthwise_f32.h"
#include "kernels/depthwise_f32/vector_tiles.h"

namespace signum::kernels {
namespace {

struct Avx512 {
  using Vector = __m512;
  static constexpr int kLanes = 16;
  static constexpr int kTiles = 16;
  static constexpr int kRegisters = 32;
  static Vector Load(const float* p) { return _mm512_loadu_ps(p); }
  static Vector LoadSome(const float* p, int64_t count) {
    return _mm512_maskz_loadu_ps(Mask(count), p);
  }
  static void Store(float* p, Vector x) { _mm512_storeu_ps(p, x); }
  static void StoreSome(float* p, int64_t count, Vector x) {
    _mm512_mask_storeu_ps(p, Mask(count), x);
  }
  static Vector MultiplyAdd(Vector a, Vector b, Vector sum) { return _mm512_fmadd_ps(a, b, sum); }

 private:
  static __mmask16 Mask(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }
};

}  // namespace

constexpr DepthwiseF32Kernel kDepthwiseF32X86Avx512 = {
    "depthwise_f32_x86_avx512", Isa::kAvx512, DepthwiseBlockBytes<Avx512, float>,
    PackDepthwiseBlocks<Avx512, float>, DepthwiseTiles<Avx512>::Run};

}  // namespace signum::kernels
