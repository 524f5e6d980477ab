#include "kernels/gemm_u8s8/panels.h"

#include <cstring>

#include "kernels/kernel.h"

namespace signum::kernels {

size_t PanelPackedBytes(int64_t n, int64_t k) {
  const int64_t panels = (n + kPanelColumns - 1) / kPanelColumns;
  return static_cast<size_t>(panels * kPanelColumns * PaddedDepth(k));
}

void PackPanels(const int8_t* codes, int64_t n, int64_t k, int8_t* packed) {
  std::memset(packed, 0, PanelPackedBytes(n, k));
  const int64_t panel_bytes = kPanelColumns * PaddedDepth(k);
  for (int64_t column = 0; column < n; ++column) {
    int8_t* lanes = packed + column / kPanelColumns * panel_bytes;
    lanes += kPanelStepDepth * (column % kPanelColumns);
    for (int64_t i = 0; i < k; ++i) {
      lanes[i / kPanelStepDepth * kPanelStepBytes + i % kPanelStepDepth] = codes[column * k + i];
    }
  }
}

}  // namespace signum::kernels
