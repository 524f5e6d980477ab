// 16 rows by 16 columns to a tile of sums, 64 bytes of depth to an instruction (AMX's
// tdpbusd, which wraps and never saturates). Weights from panels.h, 16 steps to a tile.
#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/gemm_u8s8/panels.h"
#include "kernels/tiles_x86_amx.h"

namespace signum::kernels {
namespace {

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  MultiplyWithTiles({rows, n, depth, packed, init, c, ldc});
}

}  // namespace

constexpr IntegerGemmKernel kGemmU8S8X86Amx = {
    "gemm_u8s8_x86_amx",      Isa::kAmx, 6300, 32, PanelPackedBytes<kStepsOfTile>,
    PackPanels<kStepsOfTile>, Run};

}  // namespace signum::kernels
