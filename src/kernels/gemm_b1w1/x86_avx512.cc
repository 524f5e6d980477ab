// 16 columns to a vector, 32 bits to a lane: XOR, vpopcntd, add. Weights from the panels
// of gemm_u8s8. A segment's last step drops what lies behind the segment: vpternlog is
// XOR and AND in one.
#include <immintrin.h>

#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/tiles_x86_avx512.h"

namespace signum::kernels {
namespace {

struct BitProduct {
  static constexpr bool kDropsTail = true;
  template <bool kMasked>
  static __m512i Add(__m512i total, __m512i values, __m512i weights, __m512i mask) {
    constexpr int kXorThenAnd = 0x28;  // (first ^ second) & third
    const __m512i differ = kMasked ? _mm512_ternarylogic_epi32(values, weights, mask, kXorThenAnd)
                                   : _mm512_xor_si512(values, weights);
    return _mm512_add_epi32(total, _mm512_popcnt_epi32(differ));
  }
  static __m512i Finish(__m512i init, __m512i total) {
    return _mm512_sub_epi32(init, _mm512_slli_epi32(total, 1));
  }
  static __m512i FinishPlanes(__m512i init, __m512i total) { return _mm512_sub_epi32(init, total); }
};

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  const IntegerGemmProblem problem = {rows, n, depth, packed, init, c, ldc};
  if (depth.planes > 1) return ForEachRowTile<PlanesMicro<BitProduct>>(problem);
  ForEachRowTile<PanelMicro<BitProduct>>(problem);
}

}  // namespace

constexpr IntegerGemmKernel kGemmB1W1X86Avx512 = {"gemm_b1w1_x86_avx512", Isa::kAvx512,  3000, 2,
                                                  PanelPackedBytes<1>,    PackPanels<1>, Run};

}  // namespace signum::kernels
