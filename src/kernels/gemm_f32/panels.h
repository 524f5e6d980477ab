// The packed form of float weights that the x86 kernels share.
//
// Columns go in panels of 16: float k * 16 + c of a panel is
// W[panel * 16 + c][k]. Columns that pad the last panel are 0.
#ifndef SIGNUM_KERNELS_GEMM_F32_PANELS_H_
#define SIGNUM_KERNELS_GEMM_F32_PANELS_H_

#include <cstddef>
#include <cstdint>

namespace signum::kernels {

inline constexpr int64_t kFloatPanelColumns = 16;

// As GemmF32Kernel's packed_bytes and pack.
size_t FloatPanelPackedBytes(int64_t n, int64_t k);
void PackFloatPanels(const float* weights, int64_t n, int64_t k, float* packed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_F32_PANELS_H_
