// 16 products of bytes at a time to 16 bits (umull), added in pairs to lanes of 32 bits
// (uadalp), two lanes to a column. All are unsigned, in which 255 * 255 fits: so weights are
// packed with 128 added, and 128 times the sum of the row is taken off at the end.
#include <arm_neon.h>

#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/tiles_arm64_neon.h"

namespace signum::kernels {
namespace {

struct ByteProduct : PanelWeights {
  static constexpr int kMaxRows = 2;
  struct Sum {
    uint32x4_t low, high;
  };
  static constexpr int64_t kMostBlocks = kNoLimit;
  template <int kLane>
  static void Add(Sum& sum, uint8x16_t weights, uint8x16_t block) {
    const uint8x16_t values = BroadcastStep<kLane>(block);
    sum.low = vpadalq_u16(sum.low, vmull_u8(vget_low_u8(values), vget_low_u8(weights)));
    sum.high = vpadalq_u16(sum.high, vmull_high_u8(values, weights));
  }
  static uint32x4_t Total(const Sum& sum) { return vpaddq_u32(sum.low, sum.high); }
  static void AddRow(uint32x4_t& sum, uint8x16_t block) {
    sum = vpadalq_u16(sum, vpaddlq_u8(block));
  }
  static uint32x4_t Finish(uint32x4_t init, uint32x4_t row_sum, uint32x4_t total, const Depth&) {
    return vsubq_u32(vaddq_u32(init, total), vshlq_n_u32(row_sum, 7));
  }
};

}  // namespace

constexpr IntegerGemmKernel kGemmU8S8Arm64Neon = {"gemm_u8s8_arm64_neon",
                                                  Isa::kNeon,
                                                  100,
                                                  6,
                                                  PanelPackedBytes<1>,
                                                  PackOffsetPanels,
                                                  RunRowTiles<PanelMicro<ByteProduct>>};

}  // namespace signum::kernels
