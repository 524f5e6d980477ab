// How a matrix product is cut into the register tiles of its micro-kernel: rows
// in blocks of Micro::kMaxRows and one smaller block, columns in panels of
// kColumnMultiple taken several at a time. Knows no arithmetic.
//
// For files of one ISA only. Micro must be a type of an anonymous namespace, so
// that what is instantiated here stays in the file it was compiled for. It has
//
//   static constexpr int kMaxRows;
//   static constexpr int PanelsFor(int rows);     a power of two
//   template <int kRows> static State BeginRows(const Problem&, int64_t row);
//   template <int kRows, int kPanels>
//   static void Tile(const Problem&, const State&, int64_t row, int64_t panel);
#ifndef SIGNUM_KERNELS_TILING_H_
#define SIGNUM_KERNELS_TILING_H_

#include <cstdint>

namespace signum::kernels {

template <typename Micro, int kRows, int kPanels, typename Problem, typename State>
inline void TileColumns(const Problem& problem, const State& state, int64_t row, int64_t panel,
                        int64_t panels) {
  for (; panel + kPanels <= panels; panel += kPanels) {
    Micro::template Tile<kRows, kPanels>(problem, state, row, panel);
  }
  if constexpr (kPanels > 1) {
    if (panel < panels) {
      TileColumns<Micro, kRows, kPanels / 2>(problem, state, row, panel, panels);
    }
  }
}

template <typename Micro, int kRows, typename Problem>
inline void TileRowBlock(const Problem& problem, int64_t row, int64_t panels) {
  const auto state = Micro::template BeginRows<kRows>(problem, row);
  TileColumns<Micro, kRows, Micro::PanelsFor(kRows)>(problem, state, row, 0, panels);
}

// The last block, of 1 to kRows rows.
template <typename Micro, int kRows, typename Problem>
inline void TileLastRows(const Problem& problem, int64_t row, int64_t count, int64_t panels) {
  if constexpr (kRows > 0) {
    if (count == kRows) {
      TileRowBlock<Micro, kRows>(problem, row, panels);
    } else {
      TileLastRows<Micro, kRows - 1>(problem, row, count, panels);
    }
  }
}

// Calls Micro::Tile once for every tile of m rows and `panels` panels.
template <typename Micro, typename Problem>
inline void ForEachTile(const Problem& problem, int64_t m, int64_t panels) {
  int64_t row = 0;
  for (; row + Micro::kMaxRows <= m; row += Micro::kMaxRows) {
    TileRowBlock<Micro, Micro::kMaxRows>(problem, row, panels);
  }
  if (row < m) TileLastRows<Micro, Micro::kMaxRows - 1>(problem, row, m - row, panels);
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TILING_H_
