// Bits are expanded to bytes of -1 and +1 (expand_x86_avx512.h), in tiles that all rows
// meet; a few rows are AVX-512's, for they would leave tiles empty and wait for memory.
#include <immintrin.h>

#include "kernels/gemm_u8w1/expand_x86_avx512.h"
#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/tiles_x86_amx.h"

namespace signum::kernels {
namespace {

struct TileProduct {
  static constexpr int64_t kStepsTogether = kStepsOfTile;
  static void Run(const IntegerGemmProblem& problem) { MultiplyWithTiles(problem); }
};

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  if (rows.rows() <= kFewRows) {
    return kGemmU8W1X86Avx512.run(rows, n, depth, packed, init, c, ldc);
  }
  RunExpanded<TileProduct>({rows, n, depth, packed, init, c, ldc});
}

}  // namespace

constexpr IntegerGemmKernel kGemmU8W1X86Amx = {"gemm_u8w1_x86_amx", Isa::kAmx,     4400, 32,
                                               BitPlanePackedBytes, PackBitPlanes, Run};

}  // namespace signum::kernels
