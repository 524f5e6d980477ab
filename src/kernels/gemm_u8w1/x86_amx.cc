// Bits are expanded to bytes of -1 and +1, which AMX multiplies; where that is not asked for,
// because there are few rows, which would leave tiles empty, AVX-512 multiplies.
#include <immintrin.h>

#include "kernels/gemm_u8w1/expand_x86_avx512.h"
#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/gemm_u8w1/lookup.h"
#include "kernels/tiles_x86_amx.h"

namespace signum::kernels {
namespace {

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  kGemmU8W1X86Avx512.run(rows, n, depth, packed, init, c, ldc);
}

void RunTiles(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* expanded,
              const int32_t* init, int32_t* c, int64_t ldc) {
  MultiplyWithTiles({rows, n, depth, expanded, init, c, ldc});
}

constexpr Expansion kToTiles = {
    .least_rows = 8,
    .nominal_gops = 4400,
    .segment_cost_bytes = 32,
    .expanded_bytes = PanelPackedBytes<kStepsOfTile>,
    .expand = ExpandPanels<kStepsOfTile>,
    .run = RunTiles,
};

}  // namespace

constexpr IntegerGemmKernel kGemmU8W1X86Amx = {
    .name = "gemm_u8w1_x86_amx",
    .isa = Isa::kAmx,
    .nominal_gops = 700,
    .segment_cost_bytes = 7,
    .packed_bytes = BitPlanePackedBytes,
    .pack = PackBitPlanes,
    .run = Run,
    .expansion = &kToTiles,
    .row_alone = {.gops = 540, .least_columns = kLookupColumns},
};

}  // namespace signum::kernels
