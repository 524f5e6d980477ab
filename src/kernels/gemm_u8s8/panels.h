// The packed form of weights that the x86 and arm64 kernels of 8-bit products and of bits share.
//
// Columns go in panels of 16, the bytes of each segment of the depth in steps of 4. A
// step of a panel is 64 bytes: byte 4 * c + i is W[panel * 16 + c][step * 4 + i], so the
// four bytes of a row at that step, broadcast to every 4-byte lane, line up with it.
// Padding, of columns and of segments, is 0. AMX takes several steps together: segments
// are filled up to a multiple of kStepsTogether.
#ifndef SIGNUM_KERNELS_GEMM_U8S8_PANELS_H_
#define SIGNUM_KERNELS_GEMM_U8S8_PANELS_H_

#include <cstddef>
#include <cstdint>

#include "kernels/tile_rows.h"

namespace signum::kernels {

inline constexpr int64_t kPanelColumns = 16;
inline constexpr int64_t kPanelStepDepth = 4;
inline constexpr int64_t kPanelStepBytes = 64;

// Steps of a segment.
template <int64_t kStepsTogether = 1>
inline constexpr int64_t PanelSteps(const Depth& depth) {
  constexpr int64_t kBytes = kPanelStepDepth * kStepsTogether;
  return (depth.bytes + kBytes - 1) / kBytes * kStepsTogether;
}
template <int64_t kStepsTogether = 1>
inline constexpr int64_t PanelBytes(const Depth& depth) {
  return depth.segments * PanelSteps<kStepsTogether>(depth) * kPanelStepBytes;
}

// As IntegerGemmKernel's packed_bytes and pack. There are those of 1 and of 16.
inline constexpr int64_t kStepsOfTile = 16;
template <int64_t kStepsTogether>
size_t PanelPackedBytes(int64_t n, const Depth& depth);
template <int64_t kStepsTogether>
void PackPanels(const int8_t* codes, int64_t n, const Depth& depth, uint8_t* packed);

// The same of segments of which `together` are one, as if they were adjacent; the last is
// filled up with 0.
Depth SegmentsTogether(const Depth& depth, int64_t together);
template <int64_t kStepsTogether>
void PackPanelsTogether(const int8_t* codes, int64_t n, const Depth& depth, int64_t together,
                        uint8_t* packed);

// PackPanels<1> with 128 added to every byte, padding included, which makes codes unsigned.
void PackOffsetPanels(const int8_t* codes, int64_t n, const Depth& depth, uint8_t* packed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_U8S8_PANELS_H_
