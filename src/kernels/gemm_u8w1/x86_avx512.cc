// 16 columns to a vector, 4 products to a lane (VNNI's vpdpbusd, in its form that wraps
// and never saturates). Bits are expanded from bit planes (bit_planes.h) in registers: with
// weights W = 2 * b - 1, b a bit, the sum of A * W is 2 * (sum of A * b) - (sum of A), and the
// second sum is one number for each row. A row alone with many columns looks sums up
// (lookup.h), and for many rows bits may be expanded before, to bytes of -1 and +1.
#include <immintrin.h>

#include "kernels/gemm_u8w1/expand_x86_avx512.h"
#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/gemm_u8w1/lookup.h"
#include "kernels/tiles_x86_avx512.h"

namespace signum::kernels {
namespace {

// The sum of a row's bytes.
inline int32_t RowSum(const uint8_t* row, const int64_t* offsets, const Depth& depth) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sum = _mm512_setzero_si512();
  for (int64_t segment = 0; segment < depth.segments; ++segment) {
    const uint8_t* a = row + offsets[segment];
    int64_t i = 0;
    for (; i + 64 <= depth.bytes; i += 64) {
      sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(a + i), ones);
    }
    if (i < depth.bytes) {
      const __mmask64 mask = (uint64_t{1} << (depth.bytes - i)) - 1;
      sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_loadu_epi8(mask, a + i), ones);
    }
  }
  return _mm512_reduce_add_epi32(sum);
}

struct Micro {
  // For few rows, so fewer at a time than other products have: each size is code of its own.
  static constexpr int kMaxRows = 8;
  static constexpr int kMaxTiles = 16;
  // Bits are few, and the sum of a row is made for each of its blocks of panels.
  static constexpr bool kWeightsOnce = false;

  // total[r * kPanels + p] += sum over one group of planes of A * b.
  template <int kRows, int kPanels, int kPlanes>
  static inline void AddGroup(const RowPointers<kRows>& rows, const uint8_t* w, int64_t panel_bytes,
                              int planes_left, __m512i* total) {
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i planes[kPanels];
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; ++p) planes[p] = _mm512_loadu_si512(w + p * panel_bytes);
#pragma GCC unroll 8
    for (int plane = 0; plane < (kPlanes > 0 ? kPlanes : planes_left); ++plane) {
      __m512i bits[kPanels];
#pragma GCC unroll 8
      for (int p = 0; p < kPanels; ++p) {
        bits[p] = _mm512_and_si512(planes[p], ones);
        planes[p] = _mm512_srli_epi16(planes[p], 1);
      }
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        const __m512i values = BroadcastFour(rows[r] + 4 * plane);
#pragma GCC unroll 8
        for (int p = 0; p < kPanels; ++p) {
          __m512i& t = total[r * kPanels + p];
          t = _mm512_dpbusd_epi32(t, values, bits[p]);
        }
      }
    }
  }

  template <int kRows, int kPanels>
  static void Tile(const IntegerGemmProblem& problem, const uint8_t* row, int64_t c_row,
                   int64_t panel) {
    const int64_t panel_bytes = BitPlanePanelBytes(problem.depth);
    const int64_t stride = problem.rows.pixel_stride;
    const int64_t whole = problem.depth.bytes / kBitPlaneDepth;
    const auto left = static_cast<int>((problem.depth.bytes % kBitPlaneDepth + 3) / 4);
    const uint8_t* w = problem.packed + panel * panel_bytes;
    __m512i total[kRows * kPanels];
#pragma GCC unroll 24
    for (int i = 0; i < kRows * kPanels; ++i) total[i] = _mm512_setzero_si512();
    for (int64_t segment = 0; segment < problem.depth.segments; ++segment) {
      RowPointers<kRows> rows(row + problem.rows.offsets[segment], stride);
      for (int64_t group = 0; group < whole; ++group) {
        AddGroup<kRows, kPanels, 8>(rows, w, panel_bytes, 8, total);
        rows.Advance(kBitPlaneDepth);
        w += kBitPlaneBytes;
      }
      if (left > 0) {
        AddGroup<kRows, kPanels, 0>(rows, w, panel_bytes, left, total);
        w += kBitPlaneBytes;
      }
    }
    __m512i row_sums[kRows];
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      row_sums[r] =
          _mm512_set1_epi32(RowSum(row + r * stride, problem.rows.offsets, problem.depth));
    }
    StoreTile<kRows, kPanels>(problem, c_row, panel, total, [&](__m512i init, int r, __m512i sum) {
      const __m512i base = _mm512_sub_epi32(init, row_sums[r]);
      return _mm512_add_epi32(base, _mm512_slli_epi32(sum, 1));
    });
  }
};

// A group to a vector, whose lanes of 16 bytes are those of i = 0 to 3.
struct LookupVector {
  static constexpr int kVectors = 1;
  static constexpr int kPanels = 4;
  static constexpr int kPlaces[] = {0, 1, 2, 3};
  using Bytes = __m512i;
  static Bytes Zero() { return _mm512_setzero_si512(); }
  static Bytes Load(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static void LoadGroup(const uint8_t* p, Bytes* group) {
    // In a lane bytes of the same i side by side, then those of all lanes.
    const __m512i by_four =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m512i lanes = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    group[0] = _mm512_permutexvar_epi32(lanes, _mm512_shuffle_epi8(Load(p), by_four));
  }
  static Bytes LowNibbles(Bytes x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }
  static Bytes HighNibbles(Bytes x) { return LowNibbles(_mm512_srli_epi16(x, 4)); }
  static Bytes Lookup(Bytes tables, Bytes nibbles) { return _mm512_shuffle_epi8(tables, nibbles); }
  static Bytes AddBytes(Bytes x, Bytes y) { return _mm512_add_epi8(x, y); }
  static Bytes AddWords(Bytes x, Bytes y) { return _mm512_add_epi16(x, y); }
  static Bytes EvenBytes(Bytes x) { return _mm512_and_si512(x, _mm512_set1_epi16(255)); }
  static Bytes OddBytes(Bytes x) { return _mm512_srli_epi16(x, 8); }
  static void SumLanes(Bytes words, uint16_t* sums) {
    const __m256i half =
        _mm256_add_epi16(_mm512_castsi512_si256(words), _mm512_extracti64x4_epi64(words, 1));
    const __m128i quarter =
        _mm_add_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sums), quarter);
  }
};

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  const IntegerGemmProblem problem = {rows, n, depth, packed, init, c, ldc};
  if (rows.rows() == 1 && n >= kLookupColumns) return LookupProduct<LookupVector>::Run(problem);
  ForEachRowTile<Micro>(problem);
}

constexpr Expansion kToBytes = {
    .least_rows = 17,
    .nominal_gops = 800,
    .segment_cost_bytes = 7,
    .expanded_bytes = PanelPackedBytes<1>,
    .expand = ExpandPanels<1>,
    .run = RunRowTiles<PanelMicro<ByteProduct>>,
};

}  // namespace

constexpr IntegerGemmKernel kGemmU8W1X86Avx512 = {
    .name = "gemm_u8w1_x86_avx512",
    .isa = Isa::kAvx512,
    .nominal_gops = 700,
    .segment_cost_bytes = 7,
    .packed_bytes = BitPlanePackedBytes,
    .pack = PackBitPlanes,
    .run = Run,
    .expansion = &kToBytes,
    .row_alone = {.gops = 540, .least_columns = kLookupColumns},
};

}  // namespace signum::kernels
