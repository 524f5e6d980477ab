// What the arm64 kernels of integer products share. For files of NEON and of what includes
// it: all of it is in an anonymous namespace, so that it stays in the file it was compiled
// for. Those files include <arm_neon.h> before it; tools/check-includes.py sees that no
// others include it.
#ifndef SIGNUM_KERNELS_TILES_ARM64_NEON_H_
#define SIGNUM_KERNELS_TILES_ARM64_NEON_H_

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/gemm_u8s8/panels.h"
#include "kernels/gemm_u8w1/bit_planes.h"
#include "kernels/row_tiling.h"

namespace signum::kernels {
namespace {

constexpr int kVectors = 4;          // to a panel; 4 columns to a vector
constexpr int64_t kBlockBytes = 16;  // of a row, loaded at once: 4 steps of 4 bytes

// The 4 bytes of one step of a block, for every column of a vector.
template <int kLane>
inline uint8x16_t BroadcastStep(uint8x16_t block) {
  return vreinterpretq_u8_u32(vdupq_laneq_u32(vreinterpretq_u32_u8(block), kLane));
}

// The first `count` bytes at a, which has 16, and zeros.
inline uint8x16_t LoadFirst(const uint8_t* a, int64_t count) {
  static constexpr uint8_t kNumbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const uint8x16_t wanted = vcltq_u8(vld1q_u8(kNumbers), vdupq_n_u8(static_cast<uint8_t>(count)));
  return vandq_u8(vld1q_u8(a), wanted);
}

// `count` of 4 ints, and zeros.
inline uint32x4_t LoadColumns(const int32_t* p, int64_t count) {
  if (count >= 4) return vreinterpretq_u32_s32(vld1q_s32(p));
  uint32_t four[4] = {};
  std::memcpy(four, p, static_cast<size_t>(count) * sizeof *p);
  return vld1q_u32(four);
}

inline void StoreColumns(int32_t* p, int64_t count, uint32x4_t values) {
  if (count >= 4) return vst1q_s32(p, vreinterpretq_s32_u32(values));
  uint32_t four[4];
  vst1q_u32(four, values);
  std::memcpy(p, four, static_cast<size_t>(count) * sizeof *p);
}

// Where the weights of a step of a segment come from: bytes of panels.h ...
struct PanelWeights {
  static constexpr bool kWeightsOnce = true;
  static int64_t SegmentBytes(const Depth& depth) { return PanelSteps(depth) * kPanelStepBytes; }
  static uint8x16_t Load(const uint8_t* segment, int64_t step, int vector) {
    return vld1q_u8(segment + step * kPanelStepBytes + 16 * vector);
  }
};

// ... or bits of bit_planes.h, 255 for a bit that is 1.
struct BitPlaneWeights {
  static constexpr bool kWeightsOnce = false;
  static int64_t SegmentBytes(const Depth& depth) { return BitPlaneGroups(depth) * kBitPlaneBytes; }
  static uint8x16_t Load(const uint8_t* segment, int64_t step, int vector) {
    const uint8x16_t planes = vld1q_u8(segment + step / 8 * kBitPlaneBytes + 16 * vector);
    return vtstq_u8(planes, vdupq_n_u8(static_cast<uint8_t>(1 << (step % 8))));
  }
};

// The micro-kernel of integer products, a panel at a time. Product is one of the above and
// has
//
//   static constexpr int kMaxRows;
//   using Sum = ...;                       what products of 4 columns are added to
//   static constexpr int64_t kMostBlocks;  that a Sum holds before it is added to a total;
//                                          kNoLimit if it is one
//   template <int kLane>                   sum += weights times step kLane of a row's block
//   static void Add(Sum& sum, uint8x16_t weights, uint8x16_t block);
//   static uint32x4_t Total(const Sum&);
//   static void AddRow(uint32x4_t& sum, uint8x16_t block);  if anything, to a sum of a row
//   static uint32x4_t Finish(uint32x4_t init, uint32x4_t row_sum, uint32x4_t total,
//                            const Depth&);
//
// Bytes of A behind a segment's end are taken for 0.
constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max() / kBlockBytes;

template <typename Product>
struct PanelMicro {
  static constexpr int kMaxRows = Product::kMaxRows;
  static constexpr int kMaxTiles = 1;
  static constexpr bool kWeightsOnce = Product::kWeightsOnce;

  template <int kRows>
  struct Sums {
    typename Product::Sum of_columns[kRows * kVectors] = {};
    uint32x4_t of_row[kRows] = {};
  };

  template <int kLane, int kRows>
  static inline void AddStep(const uint8x16_t* blocks, const uint8_t* w, int64_t step,
                             Sums<kRows>& sums) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const uint8x16_t weights = Product::Load(w, step + kLane, v);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        Product::template Add<kLane>(sums.of_columns[r * kVectors + v], weights, blocks[r]);
      }
    }
  }

  // Steps from `step` on, `count` bytes of every row: a block, or less.
  template <int kRows, bool kWhole>
  static inline void AddBlock(const uint8_t* a, int64_t stride, int64_t count, const uint8_t* w,
                              int64_t step, Sums<kRows>& sums) {
    uint8x16_t blocks[kRows];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      blocks[r] = kWhole ? vld1q_u8(a + r * stride) : LoadFirst(a + r * stride, count);
      Product::AddRow(sums.of_row[r], blocks[r]);
    }
    AddStep<0, kRows>(blocks, w, step, sums);
    if (kWhole || count > 4) AddStep<1, kRows>(blocks, w, step, sums);
    if (kWhole || count > 8) AddStep<2, kRows>(blocks, w, step, sums);
    if (kWhole || count > 12) AddStep<3, kRows>(blocks, w, step, sums);
  }

  // Bytes [i, end) of a segment that starts at a and w.
  template <int kRows>
  static inline void AddBlocks(const uint8_t* a, int64_t stride, int64_t i, int64_t end,
                               const uint8_t* w, Sums<kRows>& sums) {
    for (; i + kBlockBytes <= end; i += kBlockBytes) {
      AddBlock<kRows, true>(a + i, stride, kBlockBytes, w, i / kPanelStepDepth, sums);
    }
    if (i < end) AddBlock<kRows, false>(a + i, stride, end - i, w, i / kPanelStepDepth, sums);
  }

  template <int kRows>
  static inline void Widen(Sums<kRows>& sums, uint32x4_t* total) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows * kVectors; ++i) {
      total[i] = vaddq_u32(total[i], Product::Total(sums.of_columns[i]));
      sums.of_columns[i] = typename Product::Sum{};
    }
  }

  template <int kRows, int kPanels>
  static void Tile(const IntegerGemmProblem& problem, const uint8_t* row, int64_t c_row,
                   int64_t panel) {
    static_assert(kPanels == 1);
    constexpr int64_t kMost = Product::kMostBlocks * kBlockBytes;
    const Depth& depth = problem.depth;
    const int64_t segment_bytes = Product::SegmentBytes(depth);
    const int64_t* offset = problem.rows.offsets;
    Sums<kRows> sums;
    uint32x4_t total[kRows * kVectors] = {};
    for (int64_t plane = 0; plane < depth.planes; ++plane) {
      const uint8_t* w = problem.packed + panel * depth.segments * segment_bytes;
      for (auto& t : total) t = vshlq_n_u32(t, 1);
      for (int64_t segment = 0; segment < depth.segments; ++segment) {
        const uint8_t* a = row + *offset++;
        if constexpr (Product::kMostBlocks == kNoLimit) {
          AddBlocks<kRows>(a, problem.rows.pixel_stride, 0, depth.bytes, w, sums);
        } else {
          for (int64_t i = 0; i < depth.bytes; i += kMost) {
            const int64_t end = std::min(depth.bytes, i + kMost);
            AddBlocks<kRows>(a, problem.rows.pixel_stride, i, end, w, sums);
            Widen<kRows>(sums, total);
          }
        }
        w += segment_bytes;
      }
      if constexpr (Product::kMostBlocks == kNoLimit) Widen<kRows>(sums, total);
    }
    Store<kRows>(problem, c_row, panel * kPanelColumns, sums.of_row, total);
  }

  template <int kRows>
  static void Store(const IntegerGemmProblem& problem, int64_t c_row, int64_t column,
                    const uint32x4_t* row_sums, const uint32x4_t* total) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v, column += 4) {
      const int64_t count = problem.n - column;
      if (count <= 0) break;
      const uint32x4_t init = LoadColumns(problem.init + column, count);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const uint32x4_t row_sum = vdupq_n_u32(vaddvq_u32(row_sums[r]));
        StoreColumns(problem.c + (c_row + r) * problem.ldc + column, count,
                     Product::Finish(init, row_sum, total[r * kVectors + v], problem.depth));
      }
    }
  }
};

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TILES_ARM64_NEON_H_
