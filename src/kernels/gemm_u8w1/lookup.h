// Products by lookup tables (T-MAC, Wei et al. 2024, section 3): of four activations there are
// 16 sums of some of them. They are made once for a row, and four weights, a nibble, look one of
// them up for each column, 16 columns to an instruction. Weights are never expanded, so this is
// for a row alone, which meets its weights faster so than in any other way here.
//
// A sum of four bytes, at most 1020, is kept as 32 * high + low, both below 32, so that eight of
// them add up in bytes. With bits b for weights, the product is 2 * sum(a * b) - sum(a).
//
// Weights are those of bit_planes.h. Their byte 4 * c + i of a group has the weights of column
// c with activations i, 4 + i, .. 28 + i of the group, so bytes of the same i, put beside each
// other, share tables.
//
// For files of one ISA only. Vector must be a type of an anonymous namespace, so that what is
// instantiated here stays in the file it was compiled for. It has
//
//   static constexpr int kVectors;              that a group of 64 bytes fills
//   static constexpr int kPanels;               that share tables while those are in registers
//   static constexpr int kPlaces[4];            which 16 bytes of a group are those of i
//   using Bytes = ...;                          64 / kVectors bytes, or half as many u16
//   static Bytes Zero();
//   static Bytes Load(const uint8_t*);
//   static void LoadGroup(const uint8_t*, Bytes group[kVectors]);   in the order of kPlaces
//   static Bytes LowNibbles(Bytes), HighNibbles(Bytes);
//   static Bytes Lookup(Bytes tables, Bytes nibbles);               in each lane of 16 bytes
//   static Bytes AddBytes(Bytes, Bytes), AddWords(Bytes, Bytes);
//   static Bytes EvenBytes(Bytes), OddBytes(Bytes);                 as u16
//   static void SumLanes(Bytes words, uint16_t sums[8]);
#ifndef SIGNUM_KERNELS_GEMM_U8W1_LOOKUP_H_
#define SIGNUM_KERNELS_GEMM_U8W1_LOOKUP_H_

#include <algorithm>
#include <cstring>

#include "kernels/gemm_u8w1/bit_planes.h"
#include "kernels/row_tiling.h"

namespace signum::kernels {

// Columns that are worth a row's tables.
inline constexpr int64_t kLookupColumns = 256;

template <typename Vector>
class LookupProduct {
 public:
  // IntegerGemmKernel::run.
  static void Run(const IntegerGemmProblem& problem) {
    const TileRows& rows = problem.rows;
    for (int64_t r = 0; r < rows.rows(); ++r) {
      RunRow(problem, rows.row(r / rows.pixels, r % rows.pixels), problem.c + r * problem.ldc);
    }
  }

 private:
  using Bytes = typename Vector::Bytes;

  // Groups whose tables are there at a time: they, and sums of 16 bits, last for so many.
  static constexpr int64_t kMostGroups = 64;
  static constexpr int64_t kQuarters = 4;  // of a group
  static constexpr uint16_t kHalf = 32;
  static constexpr int64_t kLaneBytes = 16;
  static constexpr int64_t kLanes = kQuarters / Vector::kVectors;

  struct Tables {
    // [low or high nibble][low or high half][quarter of a group]
    alignas(64) uint8_t sums[2][2][kMostGroups * kQuarters][kLaneBytes];
    uint32_t total = 0;  // of the activations
  };

  // The sums of a[0], a[4], a[8] and a[12] that each value of a nibble stands for: vectors by
  // the compilers' own extension, since they make none of a loop over 16.
  static inline void FillTable(const uint8_t* a, uint8_t* low, uint8_t* high) {
    using Words = uint16_t __attribute__((vector_size(32)));
    using Sixteen = uint8_t __attribute__((vector_size(16)));
    constexpr uint16_t k = 0xffff;
    const Words with[4] = {{0, k, 0, k, 0, k, 0, k, 0, k, 0, k, 0, k, 0, k},
                           {0, 0, k, k, 0, 0, k, k, 0, 0, k, k, 0, 0, k, k},
                           {0, 0, 0, 0, k, k, k, k, 0, 0, 0, 0, k, k, k, k},
                           {0, 0, 0, 0, 0, 0, 0, 0, k, k, k, k, k, k, k, k}};
    Words sums = {};
    for (int i = 0; i < 4; ++i) sums += with[i] & (Words{} + uint16_t{a[4 * i]});
    const auto lows = __builtin_convertvector(sums % kHalf, Sixteen);
    const auto highs = __builtin_convertvector(sums / kHalf, Sixteen);
    std::memcpy(low, &lows, sizeof lows);
    std::memcpy(high, &highs, sizeof highs);
  }

  // The tables of groups [first, first + count) of a row.
  static void FillTables(const IntegerGemmProblem& problem, const uint8_t* row, int64_t first,
                         int64_t count, Tables& tables) {
    const Depth& depth = problem.depth;
    const int64_t groups = BitPlaneGroups(depth);
    tables.total = 0;
    for (int64_t group = 0; group < count; ++group) {
      const int64_t segment = (first + group) / groups;
      const int64_t at = (first + group) % groups * kBitPlaneDepth;
      uint8_t a[kBitPlaneDepth] = {};
      std::memcpy(a, row + problem.rows.offsets[segment] + at,
                  static_cast<size_t>(std::min(kBitPlaneDepth, depth.bytes - at)));
      for (uint8_t value : a) tables.total += value;
      for (int i = 0; i < kQuarters; ++i) {
        const int64_t quarter = group * kQuarters + Vector::kPlaces[i];
        for (int nibble = 0; nibble < 2; ++nibble) {
          FillTable(a + 16 * nibble + i, tables.sums[nibble][0][quarter],
                    tables.sums[nibble][1][quarter]);
        }
      }
    }
  }

  // u16 sums of the columns of a panel, even ones and odd ones, of the low and the high halves.
  struct Sums {
    Bytes even[2], odd[2];
  };

  template <int kPanels>
  static inline void AddGroup(const Tables& tables, int64_t group, const uint8_t* w,
                              int64_t panel_bytes, Bytes (*sums)[2]) {
    Bytes weights[kPanels][Vector::kVectors];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) {
      Vector::LoadGroup(w + p * panel_bytes + group * kBitPlaneBytes, weights[p]);
    }
#pragma GCC unroll 4
    for (int v = 0; v < Vector::kVectors; ++v) {
      const int64_t quarter = group * kQuarters + v * kLanes;
      Bytes table[2][2];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i)
        table[i / 2][i % 2] = Vector::Load(tables.sums[i / 2][i % 2][quarter]);
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
        const Bytes low = Vector::LowNibbles(weights[p][v]);
        const Bytes high = Vector::HighNibbles(weights[p][v]);
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          Bytes& sum = sums[p][half];
          sum = Vector::AddBytes(sum, Vector::Lookup(table[0][half], low));
          sum = Vector::AddBytes(sum, Vector::Lookup(table[1][half], high));
        }
      }
    }
  }

  template <int kPanels>
  static inline void AddGroups(const Tables& tables, int64_t count, const uint8_t* w,
                               int64_t panel_bytes, Sums* sums) {
    // A vector adds two numbers to a byte, which has room for eight.
    constexpr int64_t kTogether = 4 / Vector::kVectors;
    for (int p = 0; p < kPanels; ++p) {
      for (int half = 0; half < 2; ++half) sums[p].even[half] = sums[p].odd[half] = Vector::Zero();
    }
    for (int64_t begin = 0; begin < count; begin += kTogether) {
      const int64_t end = std::min(count, begin + kTogether);
      Bytes bytes[kPanels][2];
      for (auto& panel : bytes) panel[0] = panel[1] = Vector::Zero();
      for (int64_t group = begin; group < end; ++group) {
        AddGroup<kPanels>(tables, group, w, panel_bytes, bytes);
      }
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          Sums& s = sums[p];
          s.even[half] = Vector::AddWords(s.even[half], Vector::EvenBytes(bytes[p][half]));
          s.odd[half] = Vector::AddWords(s.odd[half], Vector::OddBytes(bytes[p][half]));
        }
      }
    }
  }

  // c[i] = from[i] + 2 * the sums - total, for `count` of a panel's columns.
  static inline void Store(const Sums& sums, uint32_t total, const int32_t* from, int64_t count,
                           int32_t* c) {
    uint16_t words[2][2][8];  // [half][even or odd]
    for (int half = 0; half < 2; ++half) {
      Vector::SumLanes(sums.even[half], words[half][0]);
      Vector::SumLanes(sums.odd[half], words[half][1]);
    }
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t sum = words[0][i % 2][i / 2] + uint32_t{kHalf} * words[1][i % 2][i / 2];
      c[i] = static_cast<int32_t>(static_cast<uint32_t>(from[i]) + 2 * sum - total);
    }
  }

  template <int kPanels>
  static inline void RunPanels(const IntegerGemmProblem& problem, const Tables& tables,
                               int64_t first, int64_t count, int64_t panel, int32_t* c) {
    const int64_t panel_bytes = BitPlanePanelBytes(problem.depth);
    Sums sums[kPanels];
    AddGroups<kPanels>(tables, count, problem.packed + panel * panel_bytes + first * kBitPlaneBytes,
                       panel_bytes, sums);
    for (int p = 0; p < kPanels; ++p) {
      const int64_t column = (panel + p) * kBitPlaneColumns;
      const int32_t* from = first == 0 ? problem.init : c;
      Store(sums[p], tables.total, from + column, std::min(kBitPlaneColumns, problem.n - column),
            c + column);
    }
  }

  static void RunRow(const IntegerGemmProblem& problem, const uint8_t* row, int32_t* c) {
    const int64_t groups = problem.depth.segments * BitPlaneGroups(problem.depth);
    const int64_t panels = (problem.n + kBitPlaneColumns - 1) / kBitPlaneColumns;
    Tables tables;
    for (int64_t first = 0; first < groups; first += kMostGroups) {
      const int64_t count = std::min(kMostGroups, groups - first);
      FillTables(problem, row, first, count, tables);
      int64_t panel = 0;
      for (; panel + Vector::kPanels <= panels; panel += Vector::kPanels) {
        RunPanels<Vector::kPanels>(problem, tables, first, count, panel, c);
      }
      for (; panel < panels; ++panel) RunPanels<1>(problem, tables, first, count, panel, c);
    }
  }
};

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_U8W1_LOOKUP_H_
