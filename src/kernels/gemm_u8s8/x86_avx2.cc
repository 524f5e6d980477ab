// 8 columns to a vector. Activations and weights of a step of 4 are split into
// even and odd bytes, widened to 16 bits, and multiplied in pairs by vpmaddwd,
// whose 32-bit sums 2 * 255 * 128 cannot saturate. Weights from panels.h.
#include <immintrin.h>

#include <cstring>

#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/gemm_u8s8/panels.h"
#include "kernels/row_tiling.h"

namespace signum::kernels {
namespace {

constexpr int kHalves = 2;  // vectors to a panel

struct Problem {
  TileRows rows;
  int64_t n;
  Depth depth;
  const uint8_t* packed;
  const int32_t* init;
  int32_t* c;
  int64_t ldc;
};

inline __m256i BroadcastFour(const uint8_t* a) {
  int32_t four;
  std::memcpy(&four, a, sizeof four);
  return _mm256_set1_epi32(four);
}

// All ones in the lanes below `count`.
inline __m256i LaneMask(int64_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int bound = static_cast<int>(count > 8 ? 8 : count);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(bound), lanes);
}

struct Micro {
  static constexpr int kMaxRows = 4;
  static constexpr int kMaxTiles = 4;
  static constexpr bool kWeightsOnce = true;

  // total[r * kHalves + h] += sum over one step of A * W.
  template <int kRows>
  static void AddStep(const uint8_t* a, int64_t stride, const uint8_t* w, __m256i* total) {
    const __m256i low_bytes = _mm256_set1_epi16(0xff);
    __m256i even[kHalves];
    __m256i odd[kHalves];
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) {
      const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + 32 * h));
      even[h] = _mm256_srai_epi16(_mm256_slli_epi16(codes, 8), 8);
      odd[h] = _mm256_srai_epi16(codes, 8);
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m256i values = BroadcastFour(a + r * stride);
      const __m256i even_values = _mm256_and_si256(values, low_bytes);
      const __m256i odd_values = _mm256_srli_epi16(values, 8);
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) {
        __m256i& t = total[r * kHalves + h];
        t = _mm256_add_epi32(t, _mm256_madd_epi16(even_values, even[h]));
        t = _mm256_add_epi32(t, _mm256_madd_epi16(odd_values, odd[h]));
      }
    }
  }

  template <int kRows, int kPanels>
  static void Tile(const Problem& problem, const uint8_t* row, int64_t c_row, int64_t panel) {
    if constexpr (kPanels > 1) {
      Tile<kRows, kPanels / 2>(problem, row, c_row, panel);
      Tile<kRows, kPanels / 2>(problem, row, c_row, panel + kPanels / 2);
      return;
    }
    const int64_t steps = PanelSteps(problem.depth);
    const uint8_t* w = problem.packed + panel * PanelBytes(problem.depth);
    __m256i total[kRows * kHalves];
    for (auto& t : total) t = _mm256_setzero_si256();
    for (int64_t segment = 0; segment < problem.depth.segments; ++segment) {
      const uint8_t* a = row + problem.rows.offsets[segment];
      for (int64_t step = 0; step < steps; ++step) {
        AddStep<kRows>(a, problem.rows.pixel_stride, w, total);
        a += kPanelStepDepth;
        w += kPanelStepBytes;
      }
    }
    for (int h = 0; h < kHalves; ++h) {
      const int64_t column = panel * kPanelColumns + 8 * h;
      if (column >= problem.n) break;
      const __m256i mask = LaneMask(problem.n - column);
      const __m256i init = _mm256_maskload_epi32(problem.init + column, mask);
      for (int r = 0; r < kRows; ++r) {
        _mm256_maskstore_epi32(problem.c + (c_row + r) * problem.ldc + column, mask,
                               _mm256_add_epi32(init, total[r * kHalves + h]));
      }
    }
  }
};

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  ForEachRowTile<Micro>(Problem{rows, n, depth, packed, init, c, ldc});
}

}  // namespace

constexpr GemmU8S8Kernel kGemmU8S8X86Avx2 = {"gemm_u8s8_x86_avx2", Isa::kAvx2, PanelPackedBytes,
                                             PackPanels, Run};

}  // namespace signum::kernels
