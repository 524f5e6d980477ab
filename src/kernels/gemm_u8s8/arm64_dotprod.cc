// 4 columns to a vector, 4 products to a lane, by udot, which multiplies unsigned bytes
// alone: so weights are packed with 128 added, and 128 times the sum of the row is taken
// off at the end.
#include <arm_neon.h>

#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/tiles_arm64_dotprod.h"

namespace signum::kernels {
namespace {

struct ByteProduct : PanelWeights, ByteDots {
  static uint32x4_t Finish(uint32x4_t init, uint32x4_t row_sum, uint32x4_t total, const Depth&) {
    return vsubq_u32(vaddq_u32(init, total), vshlq_n_u32(row_sum, 7));
  }
};

}  // namespace

constexpr IntegerGemmKernel kGemmU8S8Arm64Dotprod = {"gemm_u8s8_arm64_dotprod",
                                                     Isa::kDotprod,
                                                     400,
                                                     6,
                                                     PanelPackedBytes<1>,
                                                     PackOffsetPanels,
                                                     RunRowTiles<PanelMicro<ByteProduct>>};

}  // namespace signum::kernels
