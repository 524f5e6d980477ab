// The packed form of 1-bit weights that the x86 kernels share: bit planes.
//
// Columns go in panels of 16, depth in groups of 32. A group of a panel is 64
// bytes: bit p of byte 4 * c + i is W[panel * 16 + c][group * 32 + 4 * p + i],
// 1 for +1. So the whole vector, shifted right by p and masked with 1, lines up
// with the activations 4 * p .. 4 * p + 3 of the group, broadcast to every 4-byte
// lane. A shift of wider lanes will do: what it drags in is masked away.
// Padding, of columns and of depth, is 0.
#ifndef SIGNUM_KERNELS_GEMM_U8W1_BIT_PLANES_H_
#define SIGNUM_KERNELS_GEMM_U8W1_BIT_PLANES_H_

#include <cstddef>
#include <cstdint>

namespace signum::kernels {

inline constexpr int64_t kBitPlaneColumns = 16;
inline constexpr int64_t kBitPlaneDepth = 32;
inline constexpr int64_t kBitPlaneBytes = 64;

// As GemmU8W1Kernel's packed_bytes and pack.
size_t BitPlanePackedBytes(int64_t n, int64_t k);
void PackBitPlanes(const int8_t* codes, int64_t n, int64_t k, uint8_t* packed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_U8W1_BIT_PLANES_H_
