// What the AVX2 kernels share. For files of that ISA only: all of it is in an anonymous
// namespace, so that it stays in the file it was compiled for. Those files include
// <immintrin.h> before it; tools/check-includes.py sees that no others include it.
#ifndef SIGNUM_KERNELS_TILES_X86_AVX2_H_
#define SIGNUM_KERNELS_TILES_X86_AVX2_H_

#include <cstring>

#include "kernels/row_tiling.h"

namespace signum::kernels {
namespace {

inline __m256i Load(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

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

constexpr int kHalves = 2;  // vectors to a panel

// The micro-kernel of integer products: a panel at a time, 8 columns to a vector. Product
// has
//
//   static constexpr bool kWeightsOnce;               as row_tiling.h has it
//   static int64_t SegmentBytes(const Depth&);        of a panel's weights
//   template <int kRows>                              total[r * kHalves + h] += the segment
//   static void AddSegment(int64_t bytes, const uint8_t* a, int64_t stride,
//                          const uint8_t* w, __m256i* total);
//   static int32_t RowTerm(const uint8_t* row, const int64_t* offsets, const Depth&);
//   static __m256i Finish(__m256i init, __m256i row_term, __m256i total, const Depth&);
template <typename Product>
struct HalvesMicro {
  static constexpr int kMaxRows = 4;
  static constexpr int kMaxTiles = 4;
  static constexpr bool kWeightsOnce = Product::kWeightsOnce;

  template <int kRows, int kPanels>
  static void Tile(const IntegerGemmProblem& problem, const uint8_t* row, int64_t c_row,
                   int64_t panel) {
    for (int p = 0; p < kPanels; ++p) TilePanel<kRows>(problem, row, c_row, panel + p);
  }

  template <int kRows>
  static void TilePanel(const IntegerGemmProblem& problem, const uint8_t* row, int64_t c_row,
                        int64_t panel) {
    const Depth& depth = problem.depth;
    const int64_t stride = problem.rows.pixel_stride;
    const int64_t segment_bytes = Product::SegmentBytes(depth);
    const int64_t* offset = problem.rows.offsets;
    __m256i total[kRows * kHalves];
    for (auto& t : total) t = _mm256_setzero_si256();
    for (int64_t plane = 0; plane < depth.planes; ++plane) {
      const uint8_t* w = problem.packed + panel * depth.segments * segment_bytes;
      for (auto& t : total) t = _mm256_slli_epi32(t, 1);
      for (int64_t segment = 0; segment < depth.segments; ++segment) {
        Product::template AddSegment<kRows>(depth.bytes, row + *offset++, stride, w, total);
        w += segment_bytes;
      }
    }
    __m256i terms[kRows];
    for (int r = 0; r < kRows; ++r) {
      terms[r] = _mm256_set1_epi32(Product::RowTerm(row + r * stride, problem.rows.offsets, depth));
    }
    for (int h = 0; h < kHalves; ++h) {
      const int64_t column = panel * kColumnMultiple + 8 * h;
      if (column >= problem.n) break;
      const __m256i mask = LaneMask(problem.n - column);
      const __m256i init = _mm256_maskload_epi32(problem.init + column, mask);
      for (int r = 0; r < kRows; ++r) {
        _mm256_maskstore_epi32(problem.c + (c_row + r) * problem.ldc + column, mask,
                               Product::Finish(init, terms[r], total[r * kHalves + h], depth));
      }
    }
  }
};

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TILES_X86_AVX2_H_
