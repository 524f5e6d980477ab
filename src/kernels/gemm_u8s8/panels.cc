#include "kernels/gemm_u8s8/panels.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace signum::kernels {

template <int64_t kStepsTogether>
size_t PanelPackedBytes(int64_t n, const Depth& depth) {
  const int64_t panels = (n + kPanelColumns - 1) / kPanelColumns;
  return static_cast<size_t>(panels * PanelBytes<kStepsTogether>(depth));
}

template <int64_t kStepsTogether>
void PackPanels(const int8_t* codes, int64_t n, const Depth& depth, uint8_t* packed) {
  std::memset(packed, 0, PanelPackedBytes<kStepsTogether>(n, depth));
  const int64_t steps = PanelSteps<kStepsTogether>(depth);
  for (int64_t column = 0; column < n; ++column) {
    uint8_t* lanes = packed + column / kPanelColumns * PanelBytes<kStepsTogether>(depth);
    lanes += kPanelStepDepth * (column % kPanelColumns);
    for (int64_t segment = 0; segment < depth.segments; ++segment) {
      for (int64_t i = 0; i < depth.bytes; ++i) {
        lanes[i / kPanelStepDepth * kPanelStepBytes + i % kPanelStepDepth] =
            static_cast<uint8_t>(*codes++);
      }
      lanes += steps * kPanelStepBytes;
    }
  }
}

Depth SegmentsTogether(const Depth& depth, int64_t together) {
  return {.segments = (depth.segments + together - 1) / together, .bytes = together * depth.bytes};
}

template <int64_t kStepsTogether>
void PackPanelsTogether(const int8_t* codes, int64_t n, const Depth& depth, int64_t together,
                        uint8_t* packed) {
  const Depth filled = SegmentsTogether(depth, together);
  std::vector<int8_t> all(static_cast<size_t>(n * filled.total()));
  for (int64_t column = 0; column < n; ++column) {
    std::copy_n(codes + column * depth.total(), depth.total(),
                all.begin() + column * filled.total());
  }
  PackPanels<kStepsTogether>(all.data(), n, filled, packed);
}

template size_t PanelPackedBytes<1>(int64_t, const Depth&);
template size_t PanelPackedBytes<kStepsOfTile>(int64_t, const Depth&);
template void PackPanels<1>(const int8_t*, int64_t, const Depth&, uint8_t*);
template void PackPanels<kStepsOfTile>(const int8_t*, int64_t, const Depth&, uint8_t*);
template void PackPanelsTogether<kStepsOfTile>(const int8_t*, int64_t, const Depth&, int64_t,
                                               uint8_t*);

void PackOffsetPanels(const int8_t* codes, int64_t n, const Depth& depth, uint8_t* packed) {
  PackPanels<1>(codes, n, depth, packed);
  const uint8_t* end = packed + PanelPackedBytes<1>(n, depth);
  for (uint8_t* byte = packed; byte != end; ++byte) *byte ^= 0x80;
}

}  // namespace signum::kernels
