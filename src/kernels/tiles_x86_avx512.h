// What the AVX-512 kernels share. For files of that ISA only: all of it is in an anonymous
// namespace, so that it stays in the file it was compiled for. Those files include
// <immintrin.h> before it; tools/check-includes.py sees that no others include it.
#ifndef SIGNUM_KERNELS_TILES_X86_AVX512_H_
#define SIGNUM_KERNELS_TILES_X86_AVX512_H_

#include <cstring>

#include "kernels/gemm_u8s8/panels.h"
#include "kernels/row_tiling.h"

namespace signum::kernels {
namespace {

inline __m512i BroadcastFour(const uint8_t* a) {
  int32_t four;
  std::memcpy(&four, a, sizeof four);
  return _mm512_set1_epi32(four);
}

// The lanes of a vector that `left` columns fill.
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

// Where the rows of a tile are. Every third row has a pointer, and the others are one or
// two strides from those, which an address of x86 adds for nothing; the compiler, which
// must not see how the pointers hang together, would keep eleven offsets on the stack.
template <int kRows>
class RowPointers {
 public:
  RowPointers(const uint8_t* first, int64_t stride) : stride_(stride) {
    for (int i = 0; i < kPointers; ++i) {
      third_[i] = first + 3 * i * stride;
      asm("" : "+r"(third_[i]));
    }
  }
  const uint8_t* operator[](int row) const { return third_[row / 3] + row % 3 * stride_; }
  void Advance(int64_t bytes) {
    for (int i = 0; i < kPointers; ++i) third_[i] += bytes;
  }

 private:
  static constexpr int kPointers = (kRows + 2) / 3;
  const uint8_t* third_[kPointers];
  int64_t stride_;
};

// Writes a tile's rows and panels to C, each vector as finish(init, r, total[r * kPanels +
// p]) makes it. A null init stands for what C holds.
template <int kRows, int kPanels, typename Finish>
inline void StoreTile(const IntegerGemmProblem& problem, int64_t c_row, int64_t panel,
                      const __m512i* total, const Finish& finish) {
#pragma GCC unroll 8
  for (int p = 0; p < kPanels; ++p) {
    const int64_t column = (panel + p) * kPanelColumns;
    const __mmask16 mask = ColumnMask(problem.n - column);
    const bool adds = problem.init == nullptr;
    __m512i init = _mm512_setzero_si512();
    if (!adds) init = _mm512_maskz_loadu_epi32(mask, problem.init + column);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      int32_t* c = problem.c + (c_row + r) * problem.ldc + column;
      if (adds) init = _mm512_maskz_loadu_epi32(mask, c);
      StoreColumns(c, mask, finish(init, r, total[r * kPanels + p]));
    }
  }
}

// The micro-kernel of weights in the panels of gemm_u8s8: 16 columns to a vector, four
// bytes of depth to a lane and a step. Product has
//
//   static constexpr bool kDropsTail;  whether bytes behind a segment's end count unless
//                                      a mask drops them; else weights there are 0
//   template <bool kMasked>
//   static __m512i Add(__m512i total, __m512i values, __m512i weights, __m512i mask);
//   static __m512i Finish(__m512i init, __m512i total);
template <typename Product>
struct PanelMicro {
  static constexpr int kMaxRows = 12;
  static constexpr int kMaxTiles = 24;
  static constexpr bool kWeightsOnce = true;

  template <int kRows, int kPanels, bool kMasked>
  static inline void AddStep(const RowPointers<kRows>& rows, const uint8_t* w, int64_t panel_bytes,
                             __m512i mask, __m512i* total) {
    __m512i weights[kPanels];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) weights[p] = _mm512_loadu_si512(w + p * panel_bytes);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const __m512i values = BroadcastFour(rows[r]);
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) {
        __m512i& t = total[r * kPanels + p];
        t = Product::template Add<kMasked>(t, values, weights[p], mask);
      }
    }
  }

  // total += the product with the segments that start at `offsets`.
  template <int kRows, int kPanels>
  static inline void AddPlane(const IntegerGemmProblem& problem, const uint8_t* row,
                              const int64_t* offsets, int64_t panel, __m512i* total) {
    const int64_t panel_bytes = PanelBytes(problem.depth);
    const int64_t stride = problem.rows.pixel_stride;
    const int64_t left = Product::kDropsTail ? problem.depth.bytes % kPanelStepDepth : 0;
    const int64_t steps = PanelSteps(problem.depth) - (left > 0 ? 1 : 0);
    const __m512i mask = _mm512_set1_epi32((1 << (8 * left)) - 1);
    const uint8_t* w = problem.packed + panel * panel_bytes;
    for (int64_t segment = 0; segment < problem.depth.segments; ++segment) {
      RowPointers<kRows> rows(row + offsets[segment], stride);
      for (int64_t step = 0; step < steps; ++step) {
        AddStep<kRows, kPanels, false>(rows, w, panel_bytes, mask, total);
        rows.Advance(kPanelStepDepth);
        w += kPanelStepBytes;
      }
      if constexpr (Product::kDropsTail) {
        if (left > 0) {
          AddStep<kRows, kPanels, true>(rows, w, panel_bytes, mask, total);
          w += kPanelStepBytes;
        }
      }
    }
  }

  template <int kRows, int kPanels>
  static void Tile(const IntegerGemmProblem& problem, const uint8_t* row, int64_t c_row,
                   int64_t panel) {
    __m512i total[kRows * kPanels];
#pragma GCC unroll 24
    for (int i = 0; i < kRows * kPanels; ++i) total[i] = _mm512_setzero_si512();
    AddPlane<kRows, kPanels>(problem, row, problem.rows.offsets, panel, total);
    StoreTile<kRows, kPanels>(problem, c_row, panel, total, [](__m512i init, int, __m512i sum) {
      return Product::Finish(init, sum);
    });
  }
};

// The same where depth.planes is more than one, in smaller tiles, for each size is code of its
// own. Product has
//
//   static __m512i FinishPlanes(__m512i init, __m512i total);
template <typename Product>
struct PlanesMicro {
  static constexpr int kMaxRows = 8;
  static constexpr int kMaxTiles = 16;
  static constexpr bool kWeightsOnce = true;

  template <int kRows, int kPanels>
  static void Tile(const IntegerGemmProblem& problem, const uint8_t* row, int64_t c_row,
                   int64_t panel) {
    const int64_t* offsets = problem.rows.offsets;
    __m512i total[kRows * kPanels];
#pragma GCC unroll 16
    for (int i = 0; i < kRows * kPanels; ++i) total[i] = _mm512_setzero_si512();
    for (int64_t plane = 0; plane < problem.depth.planes; ++plane) {
#pragma GCC unroll 16
      for (int i = 0; i < kRows * kPanels; ++i) total[i] = _mm512_slli_epi32(total[i], 1);
      PanelMicro<Product>::template AddPlane<kRows, kPanels>(problem, row, offsets, panel, total);
      offsets += problem.depth.segments;
    }
    StoreTile<kRows, kPanels>(problem, c_row, panel, total, [](__m512i init, int, __m512i sum) {
      return Product::FinishPlanes(init, sum);
    });
  }
};

// Products of u8 and s8: vpdpbusd, in its form that wraps and never saturates.
struct ByteProduct {
  static constexpr bool kDropsTail = false;
  template <bool kMasked>
  static __m512i Add(__m512i total, __m512i values, __m512i weights, __m512i) {
    return _mm512_dpbusd_epi32(total, values, weights);
  }
  static __m512i Finish(__m512i init, __m512i total) { return _mm512_add_epi32(init, total); }
};

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TILES_X86_AVX512_H_
