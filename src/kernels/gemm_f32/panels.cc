#include "kernels/gemm_f32/panels.h"

#include <cstring>

namespace signum::kernels {

size_t FloatPanelPackedBytes(int64_t n, int64_t k) {
  const int64_t panels = (n + kFloatPanelColumns - 1) / kFloatPanelColumns;
  return static_cast<size_t>(panels * kFloatPanelColumns * k) * sizeof(float);
}

void PackFloatPanels(const float* weights, int64_t n, int64_t k, float* packed) {
  std::memset(packed, 0, FloatPanelPackedBytes(n, k));
  for (int64_t column = 0; column < n; ++column) {
    float* lane = packed + column / kFloatPanelColumns * kFloatPanelColumns * k;
    lane += column % kFloatPanelColumns;
    for (int64_t i = 0; i < k; ++i) lane[i * kFloatPanelColumns] = weights[column * k + i];
  }
}

}  // namespace signum::kernels
