// What the tiled kernels of gemm_f32 share: the rows of A as row_tiling.h takes them.
#ifndef SIGNUM_KERNELS_GEMM_F32_ROW_TILES_H_
#define SIGNUM_KERNELS_GEMM_F32_ROW_TILES_H_

#include <cstdint>

#include "kernels/row_tiling.h"

namespace signum::kernels {

// `rows` are of floats: strides in bytes.
struct FloatGemmProblem {
  TileRows rows;
  int64_t n;
  int64_t k;
  const float* packed;
  float* c;
  int64_t ldc;
};

// GemmF32Kernel::run, by the tiles of Micro.
template <typename Micro>
void RunFloatTiles(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda,
                   const float* packed, float* c, int64_t ldc) {
  const TileRows rows = {.a = reinterpret_cast<const uint8_t*>(a),
                         .lines = 1,
                         .pixels = m,
                         .line_stride = 0,
                         .pixel_stride = lda * int64_t{sizeof(float)},
                         .offsets = nullptr};
  ForEachRowTile<Micro>(FloatGemmProblem{rows, n, k, packed, c, ldc});
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_F32_ROW_TILES_H_
