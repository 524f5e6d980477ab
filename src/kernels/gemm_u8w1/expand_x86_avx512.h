// 1-bit weights expanded from bit planes (bit_planes.h) to panels of bytes (gemm_u8s8/
// panels.h): a stretch of the depth of two panels at a time, in a buffer in the first-level
// cache, which then all rows meet. For files of AVX-512 and above only: all of it is in an
// anonymous namespace. Those files include <immintrin.h> before it.
#ifndef SIGNUM_KERNELS_GEMM_U8W1_EXPAND_X86_AVX512_H_
#define SIGNUM_KERNELS_GEMM_U8W1_EXPAND_X86_AVX512_H_

#include <algorithm>
#include <cstring>

#include "kernels/gemm_u8s8/panels.h"
#include "kernels/gemm_u8w1/bit_planes.h"
#include "kernels/row_tiling.h"

namespace signum::kernels {
namespace {

// So few rows do not pay for expanding: they want the bits expanded in registers.
inline constexpr int64_t kFewRows = 16;

// Part of the depth: steps [step, step + steps) of each of `segments` segments from
// `segment` on. More than one segment is taken whole; step is a multiple of kBufferSteps.
struct Stretch {
  int64_t segment, segments;
  int64_t step, steps;
};

inline constexpr int64_t kBufferPanels = 2;
inline constexpr int64_t kBufferSteps = 256;

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

// Writes the weights of a stretch of one panel, and 0 behind the end of a segment.
template <int64_t kStepsTogether>
inline void ExpandPanel(const Depth& depth, const Stretch& stretch, const uint8_t* panel,
                        uint8_t* expanded) {
  constexpr int64_t kGroupSteps = kBitPlaneDepth / kPanelStepDepth;
  const int64_t left = depth.bytes % kPanelStepDepth;
  const bool ends = left > 0 && stretch.step + stretch.steps == PanelSteps(depth);
  const int64_t filled = (stretch.steps + kStepsTogether - 1) / kStepsTogether * kStepsTogether;
  for (int64_t segment = 0; segment < stretch.segments; ++segment) {
    const uint8_t* groups =
        panel + ((stretch.segment + segment) * BitPlaneGroups(depth) + stretch.step / kGroupSteps) *
                    kBitPlaneBytes;
    for (int64_t step = 0; step < stretch.steps; step += kGroupSteps, groups += kBitPlaneBytes) {
      ExpandGroup(groups, stretch.steps - step, expanded + step * kPanelStepBytes);
    }
    if (ends) {
      uint8_t* last = expanded + (stretch.steps - 1) * kPanelStepBytes;
      const __m512i inside = _mm512_set1_epi32((1 << (8 * left)) - 1);
      _mm512_storeu_si512(last, _mm512_and_si512(_mm512_loadu_si512(last), inside));
    }
    std::memset(expanded + stretch.steps * kPanelStepBytes, 0,
                static_cast<size_t>((filled - stretch.steps) * kPanelStepBytes));
    expanded += filled * kPanelStepBytes;
  }
}

// Expansion::expand.
template <int64_t kStepsTogether>
inline void ExpandPanels(int64_t n, const Depth& depth, const uint8_t* packed, uint8_t* expanded) {
  const Stretch all = {0, depth.segments, 0, PanelSteps(depth)};
  for (int64_t column = 0; column < n; column += kBitPlaneColumns) {
    ExpandPanel<kStepsTogether>(depth, all, packed, expanded);
    packed += BitPlanePanelBytes(depth);
    expanded += PanelBytes<kStepsTogether>(depth);
  }
}

// The product of all of `problem`, whose weights are bit planes. Product has
//
//   static constexpr int64_t kStepsTogether;  as panels.h has it
//   static void Run(const IntegerGemmProblem& problem);  of panels of bytes; adds to C
//                                                        where init is null
template <typename Product>
inline void RunExpanded(const IntegerGemmProblem& problem) {
  constexpr int64_t kTogether = Product::kStepsTogether;
  static_assert(kBufferSteps % kTogether == 0);
  alignas(64) uint8_t buffer[kBufferPanels * kBufferSteps * kPanelStepBytes];
  const Depth& depth = problem.depth;
  const int64_t panel_bytes = BitPlanePanelBytes(depth);
  const int64_t steps = PanelSteps(depth);
  const int64_t whole_segments = kBufferSteps / PanelSteps<kTogether>(depth);
  const int64_t panels = (problem.n + kBitPlaneColumns - 1) / kBitPlaneColumns;
  for (int64_t panel = 0; panel < panels; panel += kBufferPanels) {
    const int64_t count = std::min(kBufferPanels, panels - panel);
    const int64_t column = panel * kBitPlaneColumns;
    // The expanded stretch is a product of bytes of its own, added to C but the first time.
    const auto run = [&](const Stretch& stretch) {
      const Depth depth_of_part = {.segments = stretch.segments,
                                   .bytes = kPanelStepDepth * stretch.steps};
      for (int64_t p = 0; p < count; ++p) {
        ExpandPanel<kTogether>(depth, stretch, problem.packed + (panel + p) * panel_bytes,
                               buffer + p * PanelBytes<kTogether>(depth_of_part));
      }
      IntegerGemmProblem part = problem;
      part.rows.a += kPanelStepDepth * stretch.step;
      part.rows.offsets += stretch.segment;
      part.n = std::min(problem.n - column, count * kBitPlaneColumns);
      part.depth = depth_of_part;
      part.packed = buffer;
      const bool first = stretch.segment == 0 && stretch.step == 0;
      part.init = first ? problem.init + column : nullptr;
      part.c += column;
      Product::Run(part);
    };
    for (int64_t segment = 0; segment < depth.segments;) {
      if (whole_segments > 0) {
        const int64_t segments = std::min(whole_segments, depth.segments - segment);
        run({segment, segments, 0, steps});
        segment += segments;
        continue;
      }
      for (int64_t step = 0; step < steps; step += kBufferSteps) {
        run({segment, 1, step, std::min(kBufferSteps, steps - step)});
      }
      ++segment;
    }
  }
}

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_U8W1_EXPAND_X86_AVX512_H_
