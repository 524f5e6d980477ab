// 4 columns to a vector, 4 products to a lane, by udot, which multiplies unsigned bytes
// alone: so weights are packed with 128 added, and 128 times the sum of the row is taken
// off at the end.
#include <arm_neon.h>

#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/tiles_arm64_neon.h"

namespace signum::kernels {
namespace {

struct ByteProduct : PanelWeights {
  static constexpr int kMaxRows = 4;
  using Sum = uint32x4_t;
  static constexpr int64_t kMostBlocks = kNoLimit;
  template <int kLane>
  static void Add(Sum& sum, uint8x16_t weights, uint8x16_t block) {
    sum = vdotq_laneq_u32(sum, weights, block, kLane);
  }
  static uint32x4_t Total(const Sum& sum) { return sum; }
  static void AddRow(uint32x4_t& sum, uint8x16_t block) {
    sum = vdotq_u32(sum, block, vdupq_n_u8(1));
  }
  static uint32x4_t Finish(uint32x4_t init, uint32x4_t row_sum, uint32x4_t total) {
    return vsubq_u32(vaddq_u32(init, total), vshlq_n_u32(row_sum, 7));
  }
};

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  ForEachRowTile<PanelMicro<ByteProduct>>(IntegerGemmProblem{rows, n, depth, packed, init, c, ldc});
}

}  // namespace

constexpr IntegerGemmKernel kGemmU8S8Arm64Dotprod = {"gemm_u8s8_arm64_dotprod", Isa::kDotprod,
                                                     PanelPackedBytes<1>, PackOffsetPanels, Run};

}  // namespace signum::kernels
