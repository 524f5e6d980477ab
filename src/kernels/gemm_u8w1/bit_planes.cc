#include "kernels/gemm_u8w1/bit_planes.h"

#include <cstring>

namespace signum::kernels {

size_t BitPlanePackedBytes(int64_t n, const Depth& depth) {
  const int64_t panels = (n + kBitPlaneColumns - 1) / kBitPlaneColumns;
  return static_cast<size_t>(panels * BitPlanePanelBytes(depth));
}

void PackBitPlanes(const int8_t* codes, int64_t n, const Depth& depth, uint8_t* packed) {
  std::memset(packed, 0, BitPlanePackedBytes(n, depth));
  const int64_t segment_bytes = BitPlaneGroups(depth) * kBitPlaneBytes;
  for (int64_t column = 0; column < n; ++column) {
    uint8_t* lanes = packed + column / kBitPlaneColumns * BitPlanePanelBytes(depth);
    lanes += 4 * (column % kBitPlaneColumns);
    for (int64_t segment = 0; segment < depth.segments; ++segment) {
      for (int64_t i = 0; i < depth.bytes; ++i) {
        if (*codes++ <= 0) continue;
        const int64_t plane = i % kBitPlaneDepth / 4;
        lanes[i / kBitPlaneDepth * kBitPlaneBytes + i % 4] |= static_cast<uint8_t>(1 << plane);
      }
      lanes += segment_bytes;
    }
  }
}

}  // namespace signum::kernels
