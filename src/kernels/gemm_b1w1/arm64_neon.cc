// 32 bits to a lane: XOR, the ones of every byte counted (cnt), counts added in pairs to lanes
// of 16 bits (uadalp), two lanes to a column. Weights from the panels of gemm_u8s8.
//
// Bound: a lane grows by at most 2 * 8 for each step, so the 4092 steps of kMostBlocks blocks
// reach 65472 < 2^16.
#include <arm_neon.h>

#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/tiles_arm64_neon.h"

namespace signum::kernels {
namespace {

struct BitProduct : PanelWeights {
  static constexpr int kMaxRows = 4;
  using Sum = uint16x8_t;
  static constexpr int64_t kMostBlocks = 1023;
  template <int kLane>
  static void Add(Sum& sum, uint8x16_t weights, uint8x16_t block) {
    sum = vpadalq_u8(sum, vcntq_u8(veorq_u8(BroadcastStep<kLane>(block), weights)));
  }
  static uint32x4_t Total(const Sum& sum) { return vpaddlq_u16(sum); }
  static void AddRow(uint32x4_t&, uint8x16_t) {}
  static uint32x4_t Finish(uint32x4_t init, uint32x4_t, uint32x4_t total, const Depth& depth) {
    return vsubq_u32(init, vshlq_u32(total, vdupq_n_s32(depth.planes == 1 ? 1 : 0)));
  }
};

}  // namespace

constexpr IntegerGemmKernel kGemmB1W1Arm64Neon = {"gemm_b1w1_arm64_neon",
                                                  Isa::kNeon,
                                                  400,
                                                  4,
                                                  PanelPackedBytes<1>,
                                                  PackPanels<1>,
                                                  RunRowTiles<PanelMicro<BitProduct>>};

}  // namespace signum::kernels
