// A run of pixels in tiles: so many pixels at a time, a block of channels after the other. For
// files of one ISA only: Tiles must be a type of an anonymous namespace, so that what is
// instantiated here stays in the file it was compiled for. It has
//
//   static constexpr int64_t kWidth;       channels of a tile, the last ones fewer
//   static constexpr int kMostPixels;
//   template <int kPixels>                 for 1 and kMostPixels
//   static void Tile(const DepthwiseProblem<uint8_t, int32_t>&, int64_t pixel, int64_t channel);
#ifndef SIGNUM_KERNELS_DEPTHWISE_U8S8_TILES_H_
#define SIGNUM_KERNELS_DEPTHWISE_U8S8_TILES_H_

#include "kernels/depthwise_u8s8/depthwise_u8s8.h"

namespace signum::kernels {

// DepthwiseU8S8Kernel::run.
template <typename Tiles>
void RunTiles(const DepthwiseProblem<uint8_t, int32_t>& problem) {
  for (int64_t channel = 0; channel < problem.channels; channel += Tiles::kWidth) {
    int64_t pixel = 0;
    for (; pixel + Tiles::kMostPixels <= problem.pixels; pixel += Tiles::kMostPixels) {
      Tiles::template Tile<Tiles::kMostPixels>(problem, pixel, channel);
    }
    for (; pixel < problem.pixels; ++pixel) Tiles::template Tile<1>(problem, pixel, channel);
  }
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_DEPTHWISE_U8S8_TILES_H_
