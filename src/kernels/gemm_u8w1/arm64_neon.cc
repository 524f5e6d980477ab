// 4 columns to a vector. With weights W = 2 * b - 1, b a bit, the sum of A * W is 2 * (sum of
// A * b) - (sum of A), and the second sum is one number for each row. A bit of the planes
// (bit_planes.h) becomes a byte of ones, which keeps a byte of A or drops it (cmtst, and);
// what is kept is added in pairs to lanes of 16 bits (uadalp), two lanes to a column.
//
// Bound: a lane grows by at most 2 * 255 for each step, so the 128 steps of kMostBlocks
// blocks reach 65280 < 2^16.
#include <arm_neon.h>

#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/gemm_u8w1/lookup_arm64_neon.h"
#include "kernels/tiles_arm64_neon.h"

namespace signum::kernels {
namespace {

struct SignProduct : BitPlaneWeights {
  static constexpr int kMaxRows = 4;
  using Sum = uint16x8_t;
  static constexpr int64_t kMostBlocks = 32;
  template <int kLane>
  static void Add(Sum& sum, uint8x16_t weights, uint8x16_t block) {
    sum = vpadalq_u8(sum, vandq_u8(BroadcastStep<kLane>(block), weights));
  }
  static uint32x4_t Total(const Sum& sum) { return vpaddlq_u16(sum); }
  static void AddRow(uint32x4_t& sum, uint8x16_t block) {
    sum = vpadalq_u16(sum, vpaddlq_u8(block));
  }
  static uint32x4_t Finish(uint32x4_t init, uint32x4_t row_sum, uint32x4_t total, const Depth&) {
    return vaddq_u32(vsubq_u32(init, row_sum), vshlq_n_u32(total, 1));
  }
};

}  // namespace

constexpr IntegerGemmKernel kGemmU8W1Arm64Neon = {
    .name = "gemm_u8w1_arm64_neon",
    .isa = Isa::kNeon,
    .nominal_gops = 90,
    .segment_cost_bytes = 6,
    .packed_bytes = BitPlanePackedBytes,
    .pack = PackBitPlanes,
    .run = RunByLookup<PanelMicro<SignProduct>>,
    .row_alone = {.gops = 115, .least_columns = kLookupColumns},
};

}  // namespace signum::kernels
