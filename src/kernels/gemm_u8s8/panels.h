// The packed form of signed weight codes that the x86 kernels share.
//
// Columns go in panels of 16, depth in steps of 4. A step of a panel is 64
// bytes: byte 4 * c + i is W[panel * 16 + c][step * 4 + i], so the four
// activations of a step, broadcast to every 4-byte lane, line up with it.
// Padding, of columns and of depth, is 0.
#ifndef SIGNUM_KERNELS_GEMM_U8S8_PANELS_H_
#define SIGNUM_KERNELS_GEMM_U8S8_PANELS_H_

#include <cstddef>
#include <cstdint>

namespace signum::kernels {

inline constexpr int64_t kPanelColumns = 16;
inline constexpr int64_t kPanelStepDepth = 4;
inline constexpr int64_t kPanelStepBytes = 64;

// As GemmU8S8Kernel's packed_bytes and pack.
size_t PanelPackedBytes(int64_t n, int64_t k);
void PackPanels(const int8_t* codes, int64_t n, int64_t k, int8_t* packed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_U8S8_PANELS_H_
