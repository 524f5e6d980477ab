// Packed depthwise weights as they are: blocks of kDepthwiseBlock channels, in each
// [taps][channels of the block].
//
// For files of one ISA only: instantiate with a type of an anonymous namespace where what
// comes out could be linked into another file; `Unique` is there for that.
#ifndef SIGNUM_KERNELS_DEPTHWISE_BLOCKS_H_
#define SIGNUM_KERNELS_DEPTHWISE_BLOCKS_H_

#include <algorithm>
#include <cstring>

#include "kernels/depthwise.h"

namespace signum::kernels {

template <typename Unique, typename Weight>
size_t DepthwiseBlockBytes(int64_t channels, const DepthwiseWindow& window) {
  return static_cast<size_t>(window.taps() * channels) * sizeof(Weight);
}

template <typename Unique, typename Weight>
void PackDepthwiseBlocks(const Weight* weights, int64_t channels, const DepthwiseWindow& window,
                         std::byte* packed) {
  for (int64_t block = 0; block < channels; block += kDepthwiseBlock) {
    const auto bytes =
        static_cast<size_t>(std::min(kDepthwiseBlock, channels - block)) * sizeof(Weight);
    for (int64_t tap = 0; tap < window.taps(); ++tap, packed += bytes) {
      std::memcpy(packed, weights + tap * channels + block, bytes);
    }
  }
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_DEPTHWISE_BLOCKS_H_
