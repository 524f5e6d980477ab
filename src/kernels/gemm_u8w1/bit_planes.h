// The packed form of 1-bit weights that the x86 kernels share: bit planes.
//
// Columns go in panels of 16, the bytes of each segment of the depth in groups of 32. A
// group of a panel is 64 bytes: bit p of byte 4 * c + i is W[panel * 16 + c][group * 32 +
// 4 * p + i], 1 for +1. So the whole vector, shifted right by p and masked with 1, lines
// up with the activations 4 * p .. 4 * p + 3 of the group, broadcast to every 4-byte
// lane. A shift of wider lanes will do: what it drags in is masked away.
// Padding, of columns and of segments, is 0.
#ifndef SIGNUM_KERNELS_GEMM_U8W1_BIT_PLANES_H_
#define SIGNUM_KERNELS_GEMM_U8W1_BIT_PLANES_H_

#include <cstddef>
#include <cstdint>

#include "kernels/tile_rows.h"

namespace signum::kernels {

inline constexpr int64_t kBitPlaneColumns = 16;
inline constexpr int64_t kBitPlaneDepth = 32;
inline constexpr int64_t kBitPlaneBytes = 64;

// Groups of a segment, the last of which may be part.
inline constexpr int64_t BitPlaneGroups(const Depth& depth) {
  return (depth.bytes + kBitPlaneDepth - 1) / kBitPlaneDepth;
}
inline constexpr int64_t BitPlanePanelBytes(const Depth& depth) {
  return depth.segments * BitPlaneGroups(depth) * kBitPlaneBytes;
}

// As IntegerGemmKernel's packed_bytes and pack.
size_t BitPlanePackedBytes(int64_t n, const Depth& depth);
void PackBitPlanes(const int8_t* codes, int64_t n, const Depth& depth, uint8_t* packed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_U8W1_BIT_PLANES_H_
