// 16 rows by 16 columns to a tile of sums, 64 bytes of depth to an instruction (AMX's
// tdpbusd, which wraps and never saturates). Weights from panels.h, 16 steps to a tile.
//
// Short segments, as of the first layer of a network, would leave most of the depth of a tile
// empty. They are taken several together: weights are packed so, and rows copied.
#include <immintrin.h>

#include <algorithm>

#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/gemm_u8s8/panels.h"
#include "kernels/tiles_x86_amx.h"

namespace signum::kernels {
namespace {

constexpr int64_t kShortBytes = 32;

// How many segments are taken together: 1 where they are as they were.
int64_t Together(const Depth& depth) {
  const int64_t together = std::min(depth.segments, kTileRowBytes / depth.bytes);
  if (depth.bytes > kShortBytes || together < 2) return 1;
  return SegmentsTogether(depth, together).segments <= kCopiedSteps ? together : 1;
}

size_t PackedBytes(int64_t n, const Depth& depth) {
  return PanelPackedBytes<kStepsOfTile>(n, SegmentsTogether(depth, Together(depth)));
}

void Pack(const int8_t* weights, int64_t n, const Depth& depth, uint8_t* packed) {
  const int64_t together = Together(depth);
  if (together == 1) return PackPanels<kStepsOfTile>(weights, n, depth, packed);
  PackPanelsTogether<kStepsOfTile>(weights, n, depth, together, packed);
}

// The segments of a step one behind the other in each row; what is copied behind them meets
// weights of 0, or is overwritten next.
void CopyTogether(const TileRows& rows, const Depth& depth, const RowTile* tiles, int count,
                  int64_t height, uint8_t* step) {
  const int64_t together = Together(depth);
  for (int64_t segment = 0; segment < depth.segments; segment += together) {
    const int64_t end = std::min(depth.segments, segment + together);
    for (int tile = 0; tile < count; ++tile) {
      for (int64_t row = 0; row < height; ++row) {
        const uint8_t* from = tiles[tile].row + row * rows.pixel_stride;
        uint8_t* to = step + tile * kTileBytes + row * kTileRowBytes;
        for (int64_t s = segment; s < end; ++s, to += depth.bytes) {
          _mm256_storeu_si256(
              reinterpret_cast<__m256i*>(to),
              _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + rows.offsets[s])));
        }
      }
    }
    step += 2 * kTileBytes;
  }
}

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  const int64_t together = Together(depth);
  if (together == 1) return MultiplyWithTiles({rows, n, depth, packed, init, c, ldc});
  const Depth joined = SegmentsTogether(depth, together);
  const IntegerGemmProblem problem = {rows, n, joined, packed, init, c, ldc};
  RowCopies copies;
  MultiplyCopies(problem, copies, [&](const RowTile* tiles, int count, int64_t height) {
    CopyTogether(rows, depth, tiles, count, height, copies.bytes);
  });
}

}  // namespace

constexpr IntegerGemmKernel kGemmU8S8X86Amx = {"gemm_u8s8_x86_amx", Isa::kAmx, 6300, 32,
                                               PackedBytes,         Pack,      Run};

}  // namespace signum::kernels
