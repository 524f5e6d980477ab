// 4 columns to a vector, 4 products to a lane, by udot. With weights W = 2 * b - 1, b a bit,
// the sum of A * W is 2 * (sum of A * b) - (sum of A), and the second sum is one number for
// each row. A bit of the planes (bit_planes.h) becomes a byte of 255 in one instruction
// (cmtst), so what is summed is 255 * A * b. As 255 * 0xfefefeff = 1 modulo 2^32, a product
// with that number gives the sum of A * b back, exact modulo 2^32.
#include <arm_neon.h>

#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/gemm_u8w1/lookup_arm64_neon.h"
#include "kernels/tiles_arm64_dotprod.h"

namespace signum::kernels {
namespace {

struct SignProduct : BitPlaneWeights, ByteDots {
  static uint32x4_t Finish(uint32x4_t init, uint32x4_t row_sum, uint32x4_t total, const Depth&) {
    constexpr uint32_t kInverseOf255 = 0xfefefeff;
    static_assert(kInverseOf255 * 255u == 1);
    return vmlaq_n_u32(vsubq_u32(init, row_sum), total, 2 * kInverseOf255);
  }
};

}  // namespace

constexpr IntegerGemmKernel kGemmU8W1Arm64Dotprod = {
    .name = "gemm_u8w1_arm64_dotprod",
    .isa = Isa::kDotprod,
    .nominal_gops = 350,
    .segment_cost_bytes = 6,
    .packed_bytes = BitPlanePackedBytes,
    .pack = PackBitPlanes,
    .run = RunByLookup<PanelMicro<SignProduct>>,
    .row_alone = {.gops = 115, .least_columns = kLookupColumns},
};

}  // namespace signum::kernels
