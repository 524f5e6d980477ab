// 16 columns to a vector, 4 products to a lane: VNNI's vpdpbusd, in its form
// that wraps and never saturates. Weights from panels.h.
#include <immintrin.h>

#include <cstring>

#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/gemm_u8s8/panels.h"
#include "kernels/tiling.h"

namespace signum::kernels {
namespace {

struct Problem {
  int64_t n;
  int64_t k_padded;
  const uint8_t* a;
  int64_t lda;
  const int8_t* packed;
  const int32_t* init;
  int32_t* c;
  int64_t ldc;
};

struct NoState {};

inline __m512i BroadcastFour(const uint8_t* a) {
  int32_t four;
  std::memcpy(&four, a, sizeof four);
  return _mm512_set1_epi32(four);
}

inline __mmask16 ColumnMask(int64_t left) {
  return static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
}

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
    const int64_t panel_bytes = kPanelColumns * problem.k_padded;
    const int64_t column = panel * kPanelColumns;
    __m512i total[kRows * kPanels];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
      const int64_t first = column + p * kPanelColumns;
      const __m512i init =
          _mm512_maskz_loadu_epi32(ColumnMask(problem.n - first), problem.init + first);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) total[r * kPanels + p] = init;
    }
    const uint8_t* a = problem.a + row * problem.lda;
    const int8_t* w = problem.packed + panel * panel_bytes;
    for (int64_t k = 0; k < problem.k_padded; k += kPanelStepDepth) {
      __m512i weights[kPanels];
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) weights[p] = _mm512_loadu_si512(w + p * panel_bytes);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const __m512i values = BroadcastFour(a + r * problem.lda + k);
#pragma GCC unroll 8
        for (int p = 0; p < kPanels; ++p) {
          __m512i& t = total[r * kPanels + p];
          t = _mm512_dpbusd_epi32(t, values, weights[p]);
        }
      }
      w += kPanelStepBytes;
    }
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
      const int64_t first = column + p * kPanelColumns;
      const __mmask16 mask = ColumnMask(problem.n - first);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        int32_t* c = problem.c + (row + r) * problem.ldc + first;
        _mm512_mask_storeu_epi32(c, mask, total[r * kPanels + p]);
      }
    }
  }
};

void Run(int64_t m, int64_t n, int64_t k_padded, const uint8_t* a, int64_t lda,
         const int8_t* packed, const int32_t* init, int32_t* c, int64_t ldc) {
  const Problem problem = {.n = n,
                           .k_padded = k_padded,
                           .a = a,
                           .lda = lda,
                           .packed = packed,
                           .init = init,
                           .c = c,
                           .ldc = ldc};
  ForEachTile<Micro>(problem, m, (n + kPanelColumns - 1) / kPanelColumns);
}

}  // namespace

constexpr GemmU8S8Kernel kGemmU8S8X86Avx512 = {"gemm_u8s8_x86_avx512", Isa::kAvx512,
                                               PanelPackedBytes, PackPanels, Run};

}  // namespace signum::kernels
