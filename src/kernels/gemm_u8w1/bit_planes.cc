#include "kernels/gemm_u8w1/bit_planes.h"

#include <cstring>

#include "kernels/kernel.h"

namespace signum::kernels {

size_t BitPlanePackedBytes(int64_t n, int64_t k) {
  const int64_t panels = (n + kBitPlaneColumns - 1) / kBitPlaneColumns;
  return static_cast<size_t>(panels * (PaddedDepth(k) / kBitPlaneDepth) * kBitPlaneBytes);
}

void PackBitPlanes(const int8_t* codes, int64_t n, int64_t k, uint8_t* packed) {
  std::memset(packed, 0, BitPlanePackedBytes(n, k));
  const int64_t panel_bytes = PaddedDepth(k) / kBitPlaneDepth * kBitPlaneBytes;
  for (int64_t column = 0; column < n; ++column) {
    uint8_t* lanes = packed + column / kBitPlaneColumns * panel_bytes;
    lanes += 4 * (column % kBitPlaneColumns);
    for (int64_t i = 0; i < k; ++i) {
      if (codes[column * k + i] <= 0) continue;
      const int64_t plane = i % kBitPlaneDepth / 4;
      lanes[i / kBitPlaneDepth * kBitPlaneBytes + i % 4] |= static_cast<uint8_t>(1 << plane);
    }
  }
}

}  // namespace signum::kernels
