// 16 columns to a vector, one value of A broadcast to all of them, one fused
// multiply-add for each k in order. Weights from panels.h.
#include <immintrin.h>

#include "kernels/gemm_f32/gemm_f32.h"
#include "kernels/gemm_f32/panels.h"
#include "kernels/gemm_f32/row_tiles.h"
#include "kernels/tiles_x86_avx512.h"

namespace signum::kernels {
namespace {

struct Micro {
  static constexpr int kMaxRows = 8;
  static constexpr int kMaxTiles = 16;
  static constexpr bool kWeightsOnce = false;

  template <int kRows, int kPanels>
  static void Tile(const FloatGemmProblem& problem, const uint8_t* row, int64_t c_row,
                   int64_t panel) {
    const int64_t panel_floats = kFloatPanelColumns * problem.k;
    const auto* a = reinterpret_cast<const float*>(row);
    const auto stride = problem.rows.pixel_stride / int64_t{sizeof(float)};
    __m512 total[kRows * kPanels];
    for (auto& t : total) t = _mm512_setzero_ps();
    const float* w = problem.packed + panel * panel_floats;
    for (int64_t k = 0; k < problem.k; ++k) {
      __m512 weights[kPanels];
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) weights[p] = _mm512_loadu_ps(w + p * panel_floats);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const __m512 value = _mm512_set1_ps(a[r * stride + k]);
#pragma GCC unroll 8
        for (int p = 0; p < kPanels; ++p) {
          __m512& t = total[r * kPanels + p];
          t = _mm512_fmadd_ps(value, weights[p], t);
        }
      }
      w += kFloatPanelColumns;
    }
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
      const int64_t column = (panel + p) * kFloatPanelColumns;
      const __mmask16 mask = ColumnMask(problem.n - column);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        float* c = problem.c + (c_row + r) * problem.ldc + column;
        _mm512_mask_storeu_ps(c, mask, total[r * kPanels + p]);
      }
    }
  }
};

}  // namespace

constexpr GemmF32Kernel kGemmF32X86Avx512 = {"gemm_f32_x86_avx512", Isa::kAvx512,
                                             FloatPanelPackedBytes, PackFloatPanels,
                                             RunFloatTiles<Micro>};

}  // namespace signum::kernels
