// What the AMX kernels share: the product of TileRows and weights that lie in memory as
// tiles. For files of that ISA only: all of it is in an anonymous namespace.
//
// Up to 16 pixels of a line are a tile of A, 64 bytes of a segment deep; what is read behind
// a segment meets weights of 0. Two such tiles meet two panels of 16 columns at a time: four
// tiles of sums, which start as `init` or as what C holds, and go straight to C. Tiles of
// fewer rows and columns are configured as such, so that nothing else is read or written.
#ifndef SIGNUM_KERNELS_TILES_X86_AMX_H_
#define SIGNUM_KERNELS_TILES_X86_AMX_H_

#include <algorithm>
#include <cstdint>

#include "base/tiles_x86_amx.h"
#include "kernels/row_tiling.h"

namespace signum::kernels {
namespace {

inline constexpr int64_t kTileColumns = 16;
inline constexpr int64_t kTileBytes = kTileRows * kTileRowBytes;

// A panel of weights is, for each segment, one tile behind the other: 16 steps of
// gemm_u8s8/panels.h each, the last filled up with zeros.
inline int64_t TilePanelBytes(const Depth& depth) {
  return depth.segments * ((depth.bytes + kTileRowBytes - 1) / kTileRowBytes) * kTileBytes;
}

// Pixels of one line.
struct RowTile {
  const uint8_t* row = nullptr;
  int64_t c_row = 0;
  int rows = 0;
};

// Where tiles are: sums in 0 to 3, rows in 4 and 5, weights in 6 and 7.
class ConfiguredTiles {
 public:
  ~ConfiguredTiles() { ReleaseTiles(); }

  // For row tiles of rows0 and rows1 rows and panels of columns0 and columns1 columns, the
  // second of either perhaps none.
  void Configure(int rows0, int rows1, int64_t columns0, int64_t columns1) {
    TileConfig& config = config_;
    if (config.rows[4] == rows0 && config.rows[5] == rows1 && config.row_bytes[6] == 4 * columns0 &&
        config.row_bytes[7] == 4 * columns1) {
      return;
    }
    const auto shape = [&](int tile, int64_t rows, int64_t bytes) {
      config.rows[tile] = static_cast<uint8_t>(bytes > 0 ? rows : 0);
      config.row_bytes[tile] = static_cast<uint16_t>(rows > 0 ? bytes : 0);
    };
    shape(0, rows0, 4 * columns0);
    shape(1, rows0, 4 * columns1);
    shape(2, rows1, 4 * columns0);
    shape(3, rows1, 4 * columns1);
    shape(4, rows0, kTileRowBytes);
    shape(5, rows1, kTileRowBytes);
    shape(6, kTileRows, 4 * columns0);
    shape(7, kTileRows, 4 * columns1);
    ConfigureTiles(config);
  }

 private:
  TileConfig config_;
};

template <int kTile>
inline void LoadSums(const IntegerGemmProblem& problem, int64_t c_row, int64_t column) {
  if (problem.init != nullptr) {
    LoadTile<kTile>(problem.init + column, 0);
  } else {
    LoadTile<kTile>(problem.c + c_row * problem.ldc + column, 4 * problem.ldc);
  }
}

template <int kTile>
inline void StoreSums(const IntegerGemmProblem& problem, int64_t c_row, int64_t column) {
  StoreTileRows<kTile>(problem.c + c_row * problem.ldc + column, 4 * problem.ldc);
}

template <int kRowTiles, int kPanels>
inline void MultiplyBlock(const IntegerGemmProblem& problem, const RowTile* tiles, int64_t panel) {
  const int64_t panel_bytes = TilePanelBytes(problem.depth);
  const int64_t stride = problem.rows.pixel_stride;
  const int64_t column = panel * kTileColumns;
  const uint8_t* w = problem.packed + panel * panel_bytes;
  LoadSums<0>(problem, tiles[0].c_row, column);
  if constexpr (kPanels > 1) LoadSums<1>(problem, tiles[0].c_row, column + kTileColumns);
  if constexpr (kRowTiles > 1) LoadSums<2>(problem, tiles[1].c_row, column);
  if constexpr (kRowTiles * kPanels > 3) {
    LoadSums<3>(problem, tiles[1].c_row, column + kTileColumns);
  }
  for (int64_t segment = 0; segment < problem.depth.segments; ++segment) {
    const int64_t offset = problem.rows.offsets[segment];
    for (int64_t k = 0; k < problem.depth.bytes; k += kTileRowBytes, w += kTileBytes) {
      LoadTile<6>(w, kTileRowBytes);
      LoadTile<4>(tiles[0].row + offset + k, stride);
      MultiplyTiles<0, 4, 6>();
      if constexpr (kPanels > 1) {
        LoadTile<7>(w + panel_bytes, kTileRowBytes);
        MultiplyTiles<1, 4, 7>();
      }
      if constexpr (kRowTiles > 1) {
        LoadTile<5>(tiles[1].row + offset + k, stride);
        MultiplyTiles<2, 5, 6>();
        if constexpr (kPanels > 1) MultiplyTiles<3, 5, 7>();
      }
    }
  }
  StoreSums<0>(problem, tiles[0].c_row, column);
  if constexpr (kPanels > 1) StoreSums<1>(problem, tiles[0].c_row, column + kTileColumns);
  if constexpr (kRowTiles > 1) StoreSums<2>(problem, tiles[1].c_row, column);
  if constexpr (kRowTiles * kPanels > 3) {
    StoreSums<3>(problem, tiles[1].c_row, column + kTileColumns);
  }
}

// Calls visit(tiles) for every two row tiles; where they are odd, the last has a second of
// no rows. Lines are cut into tiles of nearly equal height.
template <typename Visit>
inline void ForEachTwoRowTiles(const TileRows& rows, const Visit& visit) {
  RowTile tiles[2];
  int count = 0;
  const int64_t pieces = (rows.pixels + kTileRows - 1) / kTileRows;
  for (int64_t line = 0; line < rows.lines; ++line) {
    int64_t pixel = 0;
    for (int64_t left = pieces; left > 0; --left) {
      const int64_t height = (rows.pixels - pixel + left - 1) / left;
      tiles[count++] = {rows.row(line, pixel), line * rows.pixels + pixel,
                        static_cast<int>(height)};
      if (count == 2) {
        visit(tiles);
        count = 0;
      }
      pixel += height;
    }
  }
  if (count == 0) return;
  tiles[1].rows = 0;
  visit(tiles);
}

// problem.packed: panels of TilePanelBytes. A null init adds to what C holds.
inline void MultiplyWithTiles(const IntegerGemmProblem& problem) {
  ConfiguredTiles configured;
  const int64_t panels = (problem.n + kTileColumns - 1) / kTileColumns;
  for (int64_t panel = 0; panel < panels; panel += 2) {
    const int64_t left = problem.n - panel * kTileColumns;
    const int64_t columns0 = std::min(left, kTileColumns);
    const int64_t columns1 = std::clamp<int64_t>(left - kTileColumns, 0, kTileColumns);
    ForEachTwoRowTiles(problem.rows, [&](const RowTile* tiles) {
      configured.Configure(tiles[0].rows, tiles[1].rows, columns0, columns1);
      if (tiles[1].rows > 0) {
        columns1 > 0 ? MultiplyBlock<2, 2>(problem, tiles, panel)
                     : MultiplyBlock<2, 1>(problem, tiles, panel);
      } else {
        columns1 > 0 ? MultiplyBlock<1, 2>(problem, tiles, panel)
                     : MultiplyBlock<1, 1>(problem, tiles, panel);
      }
    });
  }
}

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TILES_X86_AMX_H_
