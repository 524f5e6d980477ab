// 1-bit weights expanded from bit planes (bit_planes.h) to panels of bytes (gemm_u8s8/
// panels.h). For files of AVX-512 and above only: all of it is in an anonymous namespace. Those
// files include <immintrin.h> before it.
#ifndef SIGNUM_KERNELS_GEMM_U8W1_EXPAND_X86_AVX512_H_
#define SIGNUM_KERNELS_GEMM_U8W1_EXPAND_X86_AVX512_H_

#include <cstring>

#include "kernels/gemm_u8s8/panels.h"
#include "kernels/gemm_u8w1/bit_planes.h"

namespace signum::kernels {
namespace {

// Bit p of each byte as -1 or +1, for p below `count`, at most 8.
inline void ExpandGroup(const uint8_t* group, int64_t count, uint8_t* expanded) {
  const __m512i minus = _mm512_set1_epi8(-1);
  const __m512i plus = _mm512_set1_epi8(1);
  const __m512i planes = _mm512_loadu_si512(group);
#pragma GCC unroll 8
  for (int p = 0; p < 8; ++p) {
    if (p >= count) break;
    const __mmask64 ones =
        _mm512_test_epi8_mask(planes, _mm512_set1_epi8(static_cast<char>(1 << p)));
    _mm512_storeu_si512(expanded + p * kPanelStepBytes, _mm512_mask_blend_epi8(ones, minus, plus));
  }
}

// Expansion::expand; 0 behind the end of a segment.
template <int64_t kStepsTogether>
inline void ExpandPanels(int64_t n, const Depth& depth, const uint8_t* packed, uint8_t* expanded) {
  constexpr int64_t kGroupSteps = kBitPlaneDepth / kPanelStepDepth;
  const int64_t left = depth.bytes % kPanelStepDepth;
  const int64_t steps = PanelSteps(depth);
  const int64_t filled = PanelSteps<kStepsTogether>(depth);
  const int64_t segments = (n + kBitPlaneColumns - 1) / kBitPlaneColumns * depth.segments;
  for (int64_t segment = 0; segment < segments; ++segment) {
    for (int64_t step = 0; step < steps; step += kGroupSteps, packed += kBitPlaneBytes) {
      ExpandGroup(packed, steps - step, expanded + step * kPanelStepBytes);
    }
    if (left > 0) {
      uint8_t* last = expanded + (steps - 1) * kPanelStepBytes;
      const __m512i inside = _mm512_set1_epi32((1 << (8 * left)) - 1);
      _mm512_storeu_si512(last, _mm512_and_si512(_mm512_loadu_si512(last), inside));
    }
    std::memset(expanded + steps * kPanelStepBytes, 0,
                static_cast<size_t>((filled - steps) * kPanelStepBytes));
    expanded += filled * kPanelStepBytes;
  }
}

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_U8W1_EXPAND_X86_AVX512_H_
