// What the dot product kernels share beyond tiles_arm64_neon.h. For files of that ISA only:
// all of it is in an anonymous namespace.
#ifndef SIGNUM_KERNELS_TILES_ARM64_DOTPROD_H_
#define SIGNUM_KERNELS_TILES_ARM64_DOTPROD_H_

#include "kernels/tiles_arm64_neon.h"

namespace signum::kernels {
namespace {

// Sums that no number of products overflows but modulo 2^32.
struct DotSums {
  static constexpr int kMaxRows = 4;
  using Sum = uint32x4_t;
  static constexpr int64_t kMostBlocks = kNoLimit;
  static uint32x4_t Total(const Sum& sum) { return sum; }
};

// Unsigned bytes times unsigned bytes, and the sum of a row.
struct ByteDots : DotSums {
  template <int kLane>
  static void Add(Sum& sum, uint8x16_t weights, uint8x16_t block) {
    sum = vdotq_laneq_u32(sum, weights, block, kLane);
  }
  static void AddRow(uint32x4_t& sum, uint8x16_t block) {
    sum = vdotq_u32(sum, block, vdupq_n_u8(1));
  }
};

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TILES_ARM64_DOTPROD_H_
