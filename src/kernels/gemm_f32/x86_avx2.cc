// 8 columns to a vector, one value of A broadcast to all of them, one fused
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

// All ones in the lanes below `count`.
inline __m256i LaneMask(int64_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int bound = static_cast<int>(count > 8 ? 8 : count);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(bound), lanes);
}

struct Micro {
  static constexpr int kMaxRows = 6;
  // Few rows need more panels to have enough independent sums in flight.
  static constexpr int PanelsFor(int rows) { return rows == 1 ? 4 : rows == 2 ? 2 : 1; }

  template <int kRows>
  static NoState BeginRows(const Problem&, int64_t) {
    return {};
  }

  template <int kRows, int kPanels>
  static void Tile(const Problem& problem, NoState, int64_t row, int64_t panel) {
    constexpr int kVectors = 2 * kPanels;
    const int64_t panel_floats = kFloatPanelColumns * problem.k;
    __m256 total[kRows * kVectors];
    for (auto& t : total) t = _mm256_setzero_ps();
    const float* a = problem.a + row * problem.lda;
    const float* w = problem.packed + panel * panel_floats;
    for (int64_t k = 0; k < problem.k; ++k) {
      __m256 weights[kVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        weights[v] = _mm256_loadu_ps(w + v / 2 * panel_floats + v % 2 * 8);
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const __m256 value = _mm256_set1_ps(a[r * problem.lda + k]);
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
        float* c = problem.c + (row + r) * problem.ldc + column;
        _mm256_maskstore_ps(c, mask, total[r * kVectors + v]);
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

constexpr GemmF32Kernel kGemmF32X86Avx2 = {"gemm_f32_x86_avx2", Isa::kAvx2, FloatPanelPackedBytes,
                                           PackFloatPanels, Run};

}  // namespace signum::kernels
