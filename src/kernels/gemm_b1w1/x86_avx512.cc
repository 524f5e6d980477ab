// 16 columns to a vector, 32 bits to a lane: XOR, vpopcntd, add. Weights from the panels
// of gemm_u8s8. A segment's last step drops what lies behind the segment: vpternlog is
// XOR and AND in one.
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/gemm_u8s8/panels.h"
#include "kernels/row_tiling.h"

namespace signum::kernels {
namespace {

struct Problem {
  TileRows rows;
  int64_t n;
  Depth depth;
  const uint8_t* packed;
  const int32_t* init;
  int32_t* c;
  int64_t ldc;
};

inline __m512i BroadcastFour(const uint8_t* a) {
  int32_t four;
  std::memcpy(&four, a, sizeof four);
  return _mm512_set1_epi32(four);
}

// Whole vectors without a mask, which masks slow down.
inline void StoreColumns(int32_t* c, __mmask16 mask, __m512i sums) {
  if (mask == 0xffff) {
    _mm512_storeu_si512(c, sums);
  } else {
    _mm512_mask_storeu_epi32(c, mask, sums);
  }
}

struct Micro {
  static constexpr int kMaxRows = 12;
  static constexpr int kMaxTiles = 24;
  static constexpr bool kWeightsOnce = true;

  // total[r * kPanels + p] += the bits of one step in which A and W differ, of those that
  // `mask` has.
  template <int kRows, int kPanels, bool kMasked>
  static inline void AddStep(const uint8_t* a, int64_t stride, const uint8_t* w,
                             int64_t panel_bytes, __m512i mask, __m512i* total) {
    constexpr int kXorThenAnd = 0x28;  // (first ^ second) & third
    __m512i weights[kPanels];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) weights[p] = _mm512_loadu_si512(w + p * panel_bytes);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const __m512i values = BroadcastFour(a + r * stride);
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) {
        const __m512i differ =
            kMasked ? _mm512_ternarylogic_epi32(values, weights[p], mask, kXorThenAnd)
                    : _mm512_xor_si512(values, weights[p]);
        __m512i& t = total[r * kPanels + p];
        t = _mm512_add_epi32(t, _mm512_popcnt_epi32(differ));
      }
    }
  }

  template <int kRows, int kPanels>
  static void Tile(const Problem& problem, const uint8_t* row, int64_t c_row, int64_t panel) {
    const int64_t panel_bytes = PanelBytes(problem.depth);
    const int64_t stride = problem.rows.pixel_stride;
    const int64_t whole = problem.depth.bytes / kPanelStepDepth;
    const int64_t left = problem.depth.bytes % kPanelStepDepth;
    const __m512i mask = _mm512_set1_epi32((1 << (8 * left)) - 1);
    const uint8_t* w = problem.packed + panel * panel_bytes;
    __m512i total[kRows * kPanels];
#pragma GCC unroll 24
    for (int i = 0; i < kRows * kPanels; ++i) total[i] = _mm512_setzero_si512();
    for (int64_t segment = 0; segment < problem.depth.segments; ++segment) {
      const uint8_t* a = row + problem.rows.offsets[segment];
      for (int64_t step = 0; step < whole; ++step) {
        AddStep<kRows, kPanels, false>(a, stride, w, panel_bytes, mask, total);
        a += kPanelStepDepth;
        w += kPanelStepBytes;
      }
      if (left > 0) {
        AddStep<kRows, kPanels, true>(a, stride, w, panel_bytes, mask, total);
        w += kPanelStepBytes;
      }
    }
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
      const int64_t column = (panel + p) * kPanelColumns;
      const int64_t columns = std::min<int64_t>(kPanelColumns, problem.n - column);
      const __mmask16 store = static_cast<__mmask16>((1 << columns) - 1);
      const __m512i init = _mm512_maskz_loadu_epi32(store, problem.init + column);
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        const __m512i twice = _mm512_slli_epi32(total[r * kPanels + p], 1);
        StoreColumns(problem.c + (c_row + r) * problem.ldc + column, store,
                     _mm512_sub_epi32(init, twice));
      }
    }
  }
};

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  ForEachRowTile<Micro>(Problem{rows, n, depth, packed, init, c, ldc});
}

}  // namespace

constexpr GemmB1W1Kernel kGemmB1W1X86Avx512 = {"gemm_b1w1_x86_avx512", Isa::kAvx512,
                                               PanelPackedBytes, PackPanels, Run};

}  // namespace signum::kernels
