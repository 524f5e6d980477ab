#include "kernels/gemm_u8w1/bit_planes.h"

#include <cstring>

namespace signum::kernels {

size_t BitPlanePackedBytes(int64_t n, const Depth& depth) {
  const int64_t panels = (n + kBitPlaneColumns - 1) / kBitPlaneColumns;
  return static_cast<size_t>(panels * BitPlanePanelBytes(depth));
}

namespace {

// A group of codes that are -1 or +1: bit p of byte b is that of code 4 * p + b.
uint32_t PackGroup(const int8_t* codes) {
  static_assert(kBitPlaneDepth == 4 * 8);
  uint32_t bytes = 0;
  for (int plane = 0; plane < 8; ++plane) {
    uint32_t four;
    std::memcpy(&four, codes + 4 * plane, sizeof four);
    bytes |= (~four >> 7 & 0x01010101u) << plane;
  }
  return bytes;
}

}  // namespace

void PackBitPlanes(const int8_t* codes, int64_t n, const Depth& depth, uint8_t* packed) {
  std::memset(packed, 0, BitPlanePackedBytes(n, depth));
  const int64_t segment_bytes = BitPlaneGroups(depth) * kBitPlaneBytes;
  for (int64_t column = 0; column < n; ++column) {
    uint8_t* lanes = packed + column / kBitPlaneColumns * BitPlanePanelBytes(depth);
    lanes += 4 * (column % kBitPlaneColumns);
    for (int64_t segment = 0; segment < depth.segments; ++segment) {
      for (int64_t i = 0; i < depth.bytes; i += kBitPlaneDepth) {
        // The end of a segment is filled up with -1, which are zeros.
        const int64_t count = depth.bytes - i < kBitPlaneDepth ? depth.bytes - i : kBitPlaneDepth;
        int8_t group[kBitPlaneDepth];
        if (count < kBitPlaneDepth) std::memset(group, -1, sizeof group);
        std::memcpy(group, codes, static_cast<size_t>(count));
        const uint32_t bytes = PackGroup(group);
        std::memcpy(lanes + i / kBitPlaneDepth * kBitPlaneBytes, &bytes, sizeof bytes);
        codes += count;
      }
      lanes += segment_bytes;
    }
  }
}

}  // namespace signum::kernels
