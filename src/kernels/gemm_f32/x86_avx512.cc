// 16 columns to a vector, one value of A broadcast to all of them, one fused
// multiply-add for each k in order. Weights from panels.h.
#include <immintrin.h>

#include "kernels/gemm_f32/gemm_f32.h"
#include "kernels/gemm_f32/panels.h"
#include "kernels/tiling.h"

namespace signum::kernels {
namespace {

struct Problem {
  int64_t n;
  int64_t k;
  const float* a;
  int64_t lda;
  const float* packed;
  float* c;
  int64_t ldc;
};

struct NoState {};

struct Micro {
  static constexpr int kMaxRows = 8;
  // Few rows need more panels to have enough independent sums in flight.
  static constexpr int PanelsFor(int rows) { return rows == 1 ? 8 : rows <= 3 ? 4 : 2; }

  template <int kRows>
  static NoState BeginRows(const Problem&, int64_t) {
    return {};
  }

  template <int kRows, int kPanels>
  static void Tile(const Problem& problem, NoState, int64_t row, int64_t panel) {
    const int64_t panel_floats = kFloatPanelColumns * problem.k;
    __m512 total[kRows * kPanels];
    for (auto& t : total) t = _mm512_setzero_ps();
    const float* a = problem.a + row * problem.lda;
    const float* w = problem.packed + panel * panel_floats;
    for (int64_t k = 0; k < problem.k; ++k) {
      __m512 weights[kPanels];
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) weights[p] = _mm512_loadu_ps(w + p * panel_floats);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const __m512 value = _mm512_set1_ps(a[r * problem.lda + k]);
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
      const int64_t left = problem.n - column;
      const __mmask16 mask = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        float* c = problem.c + (row + r) * problem.ldc + column;
        _mm512_mask_storeu_ps(c, mask, total[r * kPanels + p]);
      }
    }
  }
};

void Run(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* packed,
         float* c, int64_t ldc) {
  const Problem problem = {
      .n = n, .k = k, .a = a, .lda = lda, .packed = packed, .c = c, .ldc = ldc};
  ForEachTile<Micro>(problem, m, (n + kFloatPanelColumns - 1) / kFloatPanelColumns);
}

}  // namespace

constexpr GemmF32Kernel kGemmF32X86Avx512 = {"gemm_f32_x86_avx512", Isa::kAvx512,
                                             FloatPanelPackedBytes, PackFloatPanels, Run};

}  // namespace signum::kernels
