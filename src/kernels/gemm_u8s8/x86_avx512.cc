// 16 columns to a vector, 4 products to a lane: VNNI's vpdpbusd, in its form
// that wraps and never saturates. Weights from panels.h.
#include <immintrin.h>

#include <cstring>

#include "kernels/gemm_u8s8/gemm_u8s8.h"
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

inline __mmask16 ColumnMask(int64_t left) {
  return static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
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

  template <int kRows, int kPanels>
  static void Tile(const Problem& problem, const uint8_t* row, int64_t c_row, int64_t panel) {
    const int64_t panel_bytes = PanelBytes(problem.depth);
    const int64_t steps = PanelSteps(problem.depth);
    const int64_t stride = problem.rows.pixel_stride;
    const uint8_t* w = problem.packed + panel * panel_bytes;
    __m512i total[kRows * kPanels];
#pragma GCC unroll 24
    for (int i = 0; i < kRows * kPanels; ++i) total[i] = _mm512_setzero_si512();
    for (int64_t segment = 0; segment < problem.depth.segments; ++segment) {
      const uint8_t* a = row + problem.rows.offsets[segment];
      for (int64_t step = 0; step < steps; ++step) {
        __m512i weights[kPanels];
#pragma GCC unroll 8
        for (int p = 0; p < kPanels; ++p) weights[p] = _mm512_loadu_si512(w + p * panel_bytes);
#pragma GCC unroll 12
        for (int r = 0; r < kRows; ++r) {
          const __m512i values = BroadcastFour(a + r * stride);
#pragma GCC unroll 8
          for (int p = 0; p < kPanels; ++p) {
            __m512i& t = total[r * kPanels + p];
            t = _mm512_dpbusd_epi32(t, values, weights[p]);
          }
        }
        a += kPanelStepDepth;
        w += kPanelStepBytes;
      }
    }
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
      const int64_t first = (panel + p) * kPanelColumns;
      const __mmask16 mask = ColumnMask(problem.n - first);
      const __m512i init = _mm512_maskz_loadu_epi32(mask, problem.init + first);
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        StoreColumns(problem.c + (c_row + r) * problem.ldc + first, mask,
                     _mm512_add_epi32(init, total[r * kPanels + p]));
      }
    }
  }
};

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  ForEachRowTile<Micro>(Problem{rows, n, depth, packed, init, c, ldc});
}

}  // namespace

constexpr GemmU8S8Kernel kGemmU8S8X86Avx512 = {"gemm_u8s8_x86_avx512", Isa::kAvx512,
                                               PanelPackedBytes, PackPanels, Run};

}  // namespace signum::kernels
