// How the product of TileRows and packed weights is cut into the register tiles of a
// micro-kernel: pixels of a line in blocks of nearly equal size, columns in panels of
// kColumnMultiple taken several at a time. Knows no arithmetic.
//
// For files of one ISA only. Micro must be a type of an anonymous namespace, so that
// what is instantiated here stays in the file it was compiled for. It has
//
//   static constexpr int kMaxRows;
//   static constexpr int kMaxTiles;               most rows times panels
//   static constexpr bool kWeightsOnce;           a panel meets all rows before the next
//   template <int kRows, int kPanels>
//   static void Tile(const Problem&, const uint8_t* row, int64_t c_row, int64_t panel);
//
// where Problem has members `rows` (TileRows) and `n` (columns); `row` is the first of
// kRows rows, pixel_stride apart, and c_row its number.
#ifndef SIGNUM_KERNELS_ROW_TILING_H_
#define SIGNUM_KERNELS_ROW_TILING_H_

#include <algorithm>
#include <cstdint>

#include "kernels/kernel.h"
#include "kernels/tile_rows.h"

namespace signum::kernels {

// What IntegerGemmKernel::run was called with.
struct IntegerGemmProblem {
  TileRows rows;
  int64_t n;
  Depth depth;
  const uint8_t* packed;
  const int32_t* init;
  int32_t* c;
  int64_t ldc;
};

// The panels that a tile of so many rows takes at a time: few rows need more, to have
// enough independent sums.
template <typename Micro>
constexpr int PanelsFor(int rows) {
  int panels = 1;
  while (panels < 8 && 2 * panels * rows <= Micro::kMaxTiles) panels *= 2;
  return panels;
}

template <typename Micro, int kRows, int kPanels, typename Problem>
inline void TilePanels(const Problem& problem, const uint8_t* row, int64_t c_row, int64_t panel,
                       int64_t end) {
  for (; panel + kPanels <= end; panel += kPanels) {
    Micro::template Tile<kRows, kPanels>(problem, row, c_row, panel);
  }
  if constexpr (kPanels > 1) {
    if (panel < end) {
      TilePanels<Micro, kRows, kPanels / 2>(problem, row, c_row, panel, end);
    }
  }
}

template <typename Micro, int kRows, typename Problem>
inline void TileBlock(const Problem& problem, int count, const uint8_t* row, int64_t c_row,
                      int64_t panel, int64_t end) {
  if constexpr (kRows > 1) {
    if (count < kRows) {
      return TileBlock<Micro, kRows - 1>(problem, count, row, c_row, panel, end);
    }
  }
  TilePanels<Micro, kRows, PanelsFor<Micro>(kRows)>(problem, row, c_row, panel, end);
}

// Panels [panel, end) for all rows.
template <typename Micro, typename Problem>
inline void TileLines(const Problem& problem, int64_t panel, int64_t end) {
  const TileRows& rows = problem.rows;
  const int64_t blocks = (rows.pixels + Micro::kMaxRows - 1) / Micro::kMaxRows;
  for (int64_t line = 0; line < rows.lines; ++line) {
    int64_t pixel = 0;
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t left = blocks - block;
      const auto count = static_cast<int>((rows.pixels - pixel + left - 1) / left);
      TileBlock<Micro, Micro::kMaxRows>(problem, count, rows.row(line, pixel),
                                        line * rows.pixels + pixel, panel, end);
      pixel += count;
    }
  }
}

// Calls Micro::Tile once for every tile.
template <typename Micro, typename Problem>
inline void ForEachRowTile(const Problem& problem) {
  const int64_t panels = (problem.n + kColumnMultiple - 1) / kColumnMultiple;
  if constexpr (Micro::kWeightsOnce) {
    const auto widest = static_cast<int>(std::min<int64_t>(problem.rows.pixels, Micro::kMaxRows));
    const int64_t step = PanelsFor<Micro>(widest);
    for (int64_t panel = 0; panel < panels; panel += step) {
      TileLines<Micro>(problem, panel, std::min(panels, panel + step));
    }
  } else {
    TileLines<Micro>(problem, 0, panels);
  }
}

// IntegerGemmKernel::run, by the tiles of Micro.
template <typename Micro>
void RunRowTiles(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
                 const int32_t* init, int32_t* c, int64_t ldc) {
  ForEachRowTile<Micro>(IntegerGemmProblem{rows, n, depth, packed, init, c, ldc});
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_ROW_TILING_H_
