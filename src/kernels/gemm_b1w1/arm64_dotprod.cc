// 32 bits to a lane: XOR, the ones of every byte counted (cnt), counts added up by udot with
// ones. Weights from the panels of gemm_u8s8.
#include <arm_neon.h>

#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/tiles_arm64_dotprod.h"

namespace signum::kernels {
namespace {

struct BitProduct : PanelWeights, DotSums {
  template <int kLane>
  static void Add(Sum& sum, uint8x16_t weights, uint8x16_t block) {
    const uint8x16_t counts = vcntq_u8(veorq_u8(BroadcastStep<kLane>(block), weights));
    sum = vdotq_u32(sum, counts, vdupq_n_u8(1));
  }
  static void AddRow(uint32x4_t&, uint8x16_t) {}
  static uint32x4_t Finish(uint32x4_t init, uint32x4_t, uint32x4_t total, const Depth& depth) {
    return vsubq_u32(init, vshlq_u32(total, vdupq_n_s32(depth.planes == 1 ? 1 : 0)));
  }
};

}  // namespace

constexpr IntegerGemmKernel kGemmB1W1Arm64Dotprod = {
    "gemm_b1w1_arm64_dotprod",          Isa::kDotprod, 1000, 4, PanelPackedBytes<1>, PackPanels<1>,
    RunRowTiles<PanelMicro<BitProduct>>};

}  // namespace signum::kernels
