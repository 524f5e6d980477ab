// 8 columns to a vector, one value of A broadcast to all of them, one fused
// multiply-add for each k in order. Weights from panels.h.
#include <immintrin.h>

#include "kernels/gemm_f32/gemm_f32.h"
#include "kernels/gemm_f32/panels.h"
#include "kernels/gemm_f32/row_tiles.h"
#include "kernels/tiles_x86_avx2.h"

namespace signum::kernels {
namespace {

struct Micro {
  static constexpr int kMaxRows = 6;
  static constexpr int kMaxTiles = 5;
  static constexpr bool kWeightsOnce = false;

  template <int kRows, int kPanels>
  static void Tile(const FloatGemmProblem& problem, const uint8_t* row, int64_t c_row,
                   int64_t panel) {
    constexpr int kVectors = 2 * kPanels;
    const int64_t panel_floats = kFloatPanelColumns * problem.k;
    const auto* a = reinterpret_cast<const float*>(row);
    const auto stride = problem.rows.pixel_stride / int64_t{sizeof(float)};
    __m256 total[kRows * kVectors];
    for (auto& t : total) t = _mm256_setzero_ps();
    const float* w = problem.packed + panel * panel_floats;
    for (int64_t k = 0; k < problem.k; ++k) {
      __m256 weights[kVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        weights[v] = _mm256_loadu_ps(w + v / 2 * panel_floats + v % 2 * 8);
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const __m256 value = _mm256_set1_ps(a[r * stride + k]);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) {
          __m256& t = total[r * kVectors + v];
          t = _mm256_fmadd_ps(value, weights[v], t);
        }
      }
      w += kFloatPanelColumns;
    }
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const int64_t column = panel * kFloatPanelColumns + 8 * v;
      if (column >= problem.n) break;
      const __m256i mask = LaneMask(problem.n - column);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        float* c = problem.c + (c_row + r) * problem.ldc + column;
        _mm256_maskstore_ps(c, mask, total[r * kVectors + v]);
      }
    }
  }
};

}  // namespace

constexpr GemmF32Kernel kGemmF32X86Avx2 = {"gemm_f32_x86_avx2", Isa::kAvx2, FloatPanelPackedBytes,
                                           PackFloatPanels, RunFloatTiles<Micro>};

}  // namespace signum::kernels
