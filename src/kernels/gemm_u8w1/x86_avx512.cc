// 16 columns to a vector, 4 products to a lane (VNNI's vpdpbusd, in its form
// that wraps and never saturates). With weights W = 2 * b - 1, b a bit: sum of
// A * W = 2 * (sum of A * b) - (sum of A), and the second sum is one number for
// each row. Bits are expanded by a shift and an AND from bit planes
// (bit_planes.h), once for all the rows of a tile.
#include <immintrin.h>

#include <cstring>

#include "kernels/gemm_u8w1/bit_planes.h"
#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/tiling.h"

namespace signum::kernels {
namespace {

struct Problem {
  int64_t n;
  int64_t groups;
  const uint8_t* a;
  int64_t lda;
  const uint8_t* packed;
  int64_t panel_bytes;
  const int32_t* init;
  int32_t* c;
  int64_t ldc;
};

template <int kRows>
struct RowSums {
  int32_t sums[kRows];
};

inline __m512i BroadcastFour(const uint8_t* a) {
  int32_t four;
  std::memcpy(&four, a, sizeof four);
  return _mm512_set1_epi32(four);
}

struct Micro {
  static constexpr int kMaxRows = 8;
  // Few rows need more panels to have enough independent sums in flight.
  static constexpr int PanelsFor(int rows) { return rows == 1 ? 8 : rows <= 3 ? 4 : 2; }

  template <int kRows>
  static RowSums<kRows> BeginRows(const Problem& problem, int64_t row) {
    RowSums<kRows> result;
    const __m512i ones = _mm512_set1_epi8(1);
    for (int r = 0; r < kRows; ++r) {
      const uint8_t* a = problem.a + (row + r) * problem.lda;
      __m512i sum = _mm512_setzero_si512();
      for (int64_t i = 0; i < problem.groups * kBitPlaneDepth; i += 64) {
        sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(a + i), ones);
      }
      result.sums[r] = _mm512_reduce_add_epi32(sum);
    }
    return result;
  }

  // sums[r * kPanels + p] = sum over k of A * b.
  template <int kRows, int kPanels>
  static void SumBits(const Problem& problem, const uint8_t* a, const uint8_t* w, __m512i* sums) {
    __m512i total[kRows * kPanels];
    for (auto& t : total) t = _mm512_setzero_si512();
    const __m512i ones = _mm512_set1_epi8(1);
    for (int64_t group = 0; group < problem.groups; ++group) {
#pragma GCC unroll 8
      for (int plane = 0; plane < 8; ++plane) {
        __m512i bits[kPanels];
#pragma GCC unroll 8
        for (int p = 0; p < kPanels; ++p) {
          const __m512i planes = _mm512_loadu_si512(w + p * problem.panel_bytes);
          bits[p] = _mm512_and_si512(_mm512_srli_epi16(planes, plane), ones);
        }
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          const __m512i values = BroadcastFour(a + r * problem.lda + 4 * plane);
#pragma GCC unroll 8
          for (int p = 0; p < kPanels; ++p) {
            __m512i& t = total[r * kPanels + p];
            t = _mm512_dpbusd_epi32(t, values, bits[p]);
          }
        }
      }
      a += kBitPlaneDepth;
      w += kBitPlaneBytes;
    }
#pragma GCC unroll 16
    for (int i = 0; i < kRows * kPanels; ++i) sums[i] = total[i];
  }

  template <int kRows, int kPanels>
  static void Tile(const Problem& problem, const RowSums<kRows>& rows, int64_t row, int64_t panel) {
    __m512i sums[kRows * kPanels];
    SumBits<kRows, kPanels>(problem, problem.a + row * problem.lda,
                            problem.packed + panel * problem.panel_bytes, sums);
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) {
      const int64_t column = (panel + p) * kBitPlaneColumns;
      const int64_t left = problem.n - column;
      const __mmask16 mask = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
      const __m512i init = _mm512_maskz_loadu_epi32(mask, problem.init + column);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        int32_t* c = problem.c + (row + r) * problem.ldc + column;
        const __m512i base = _mm512_sub_epi32(init, _mm512_set1_epi32(rows.sums[r]));
        const __m512i twice = _mm512_slli_epi32(sums[r * kPanels + p], 1);
        _mm512_mask_storeu_epi32(c, mask, _mm512_add_epi32(base, twice));
      }
    }
  }
};

void Run(int64_t m, int64_t n, int64_t k_padded, const uint8_t* a, int64_t lda,
         const uint8_t* packed, const int32_t* init, int32_t* c, int64_t ldc) {
  const Problem problem = {.n = n,
                           .groups = k_padded / kBitPlaneDepth,
                           .a = a,
                           .lda = lda,
                           .packed = packed,
                           .panel_bytes = k_padded / kBitPlaneDepth * kBitPlaneBytes,
                           .init = init,
                           .c = c,
                           .ldc = ldc};
  ForEachTile<Micro>(problem, m, (n + kBitPlaneColumns - 1) / kBitPlaneColumns);
}

}  // namespace

constexpr GemmU8W1Kernel kGemmU8W1X86Avx512 = {"gemm_u8w1_x86_avx512", Isa::kAvx512,
                                               BitPlanePackedBytes, PackBitPlanes, Run};

}  // namespace signum::kernels
