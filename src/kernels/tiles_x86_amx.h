// The product of TileRows and weights that lie in memory as tiles, by AMX. For files of that
// ISA only: all of it is in an anonymous namespace. Those files include <immintrin.h> first.
//
// Up to 16 pixels of a line are a tile of A, 64 bytes of a segment deep; what is read behind
// a segment meets weights of 0. Two such tiles meet two panels of 16 columns at a time: four
// tiles of sums, which start as `init` and go straight to C. All row tiles of a call have the
// same height, for to configure other tiles takes as long as many products; the last of a
// line overlaps with the one before it, and its first rows are made again.
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

// The first of a row tile's pixels, all of one line.
struct RowTile {
  const uint8_t* row = nullptr;
  int64_t c_row = 0;
};

// Where tiles are: sums in 0 to 3, rows in 4 and 5, weights in 6 and 7.
class ConfiguredTiles {
 public:
  ConfiguredTiles(int64_t height, int64_t columns0, int64_t columns1) : height_(height) {
    Configure(columns0, columns1);
  }
  ~ConfiguredTiles() { ReleaseTiles(); }
  ConfiguredTiles(const ConfiguredTiles&) = delete;
  ConfiguredTiles& operator=(const ConfiguredTiles&) = delete;

  // For panels of so many columns.
  void Configure(int64_t columns0, int64_t columns1) {
    TileConfig& config = config_;
    if (config.row_bytes[6] == 4 * columns0 && config.row_bytes[7] == 4 * columns1) return;
    const auto shape = [&](int tile, int64_t rows, int64_t bytes) {
      config.rows[tile] = static_cast<uint8_t>(rows);
      config.row_bytes[tile] = static_cast<uint16_t>(bytes);
    };
    for (const int tile : {0, 2}) shape(tile, height_, 4 * columns0);
    for (const int tile : {1, 3}) shape(tile, height_, 4 * columns1);
    for (const int tile : {4, 5}) shape(tile, height_, kTileRowBytes);
    shape(6, kTileRows, 4 * columns0);
    shape(7, kTileRows, 4 * columns1);
    ConfigureTiles(config);
  }

 private:
  int64_t height_;
  TileConfig config_;
};

// Where the tiles of A are: in the map, or as copies that lie as weights do, those of two row
// tiles in turn.
class RowsInPlace {
 public:
  RowsInPlace(const TileRows& rows, const RowTile* tiles)
      : rows0_(tiles[0].row),
        rows1_(tiles[1].row),
        offsets_(rows.offsets),
        stride_(rows.pixel_stride) {}

  void BeginSegment(int64_t segment) { offset_ = offsets_[segment]; }
  template <int kTile>
  void LoadFirst() const {
    LoadTile<kTile>(rows0_ + offset_, stride_);
  }
  template <int kTile>
  void LoadSecond() const {
    LoadTile<kTile>(rows1_ + offset_, stride_);
  }
  void NextStep() { offset_ += kTileRowBytes; }

 private:
  const uint8_t *rows0_, *rows1_;
  const int64_t* offsets_;
  int64_t stride_, offset_ = 0;
};

class CopiedRows {
 public:
  explicit CopiedRows(const uint8_t* copies) : at_(copies) {}

  void BeginSegment(int64_t) {}
  template <int kTile>
  void LoadFirst() const {
    LoadTile<kTile>(at_, kTileRowBytes);
  }
  template <int kTile>
  void LoadSecond() const {
    LoadTile<kTile>(at_ + kTileBytes, kTileRowBytes);
  }
  void NextStep() { at_ += 2 * kTileBytes; }

 private:
  const uint8_t* at_;
};

// Where the sums of a block go: those of each row tile and the first column of the block.
struct BlockSums {
  int32_t* of[2];
  int64_t stride;  // ints from row to row
};

inline BlockSums SumsOf(const IntegerGemmProblem& problem, const RowTile* tiles, int64_t column) {
  const auto at = [&](const RowTile& tile) {
    return problem.c + tile.c_row * problem.ldc + column;
  };
  return {{at(tiles[0]), at(tiles[1])}, problem.ldc};
}

template <int kRowTiles, int kPanels, typename Rows>
inline void MultiplyBlock(const IntegerGemmProblem& problem, Rows rows, const BlockSums& sums,
                          int64_t panel) {
  const int64_t panel_bytes = TilePanelBytes(problem.depth);
  const int32_t* init = problem.init + panel * kTileColumns;
  const uint8_t* w = problem.packed + panel * panel_bytes;
  LoadTile<0>(init, 0);
  if constexpr (kPanels > 1) LoadTile<1>(init + kTileColumns, 0);
  if constexpr (kRowTiles > 1) LoadTile<2>(init, 0);
  if constexpr (kRowTiles * kPanels > 3) LoadTile<3>(init + kTileColumns, 0);
  for (int64_t segment = 0; segment < problem.depth.segments; ++segment) {
    rows.BeginSegment(segment);
    for (int64_t k = 0; k < problem.depth.bytes; k += kTileRowBytes, w += kTileBytes) {
      LoadTile<6>(w, kTileRowBytes);
      rows.template LoadFirst<4>();
      MultiplyTiles<0, 4, 6>();
      if constexpr (kPanels > 1) {
        LoadTile<7>(w + panel_bytes, kTileRowBytes);
        MultiplyTiles<1, 4, 7>();
      }
      if constexpr (kRowTiles > 1) {
        rows.template LoadSecond<5>();
        MultiplyTiles<2, 5, 6>();
        if constexpr (kPanels > 1) MultiplyTiles<3, 5, 7>();
      }
      rows.NextStep();
    }
  }
  const int64_t stride = 4 * sums.stride;
  StoreTileRows<0>(sums.of[0], stride);
  if constexpr (kPanels > 1) StoreTileRows<1>(sums.of[0] + kTileColumns, stride);
  if constexpr (kRowTiles > 1) StoreTileRows<2>(sums.of[1], stride);
  if constexpr (kRowTiles * kPanels > 3) StoreTileRows<3>(sums.of[1] + kTileColumns, stride);
}

// One or two row tiles, and panels [panel, panel + 2), of which the second may not be.
template <typename Rows>
inline void MultiplyPanels(const IntegerGemmProblem& problem, const Rows& rows, int row_tiles,
                           const BlockSums& sums, int64_t panel) {
  const bool both = problem.n > (panel + 1) * kTileColumns;
  if (row_tiles > 1) {
    both ? MultiplyBlock<2, 2>(problem, rows, sums, panel)
         : MultiplyBlock<2, 1>(problem, rows, sums, panel);
  } else {
    both ? MultiplyBlock<1, 2>(problem, rows, sums, panel)
         : MultiplyBlock<1, 1>(problem, rows, sums, panel);
  }
}

// Calls visit(tiles, count) for every two row tiles of `height` rows, and for the last if
// they are odd.
template <typename Visit>
inline void ForEachTwoRowTiles(const TileRows& rows, int64_t height, const Visit& visit) {
  RowTile tiles[2];
  int count = 0;
  for (int64_t line = 0; line < rows.lines; ++line) {
    for (int64_t begin = 0; begin < rows.pixels; begin += height) {
      const int64_t pixel = std::min(begin, rows.pixels - height);
      tiles[count++] = {rows.row(line, pixel), line * rows.pixels + pixel};
      if (count == 2) {
        visit(tiles, 2);
        count = 0;
      }
    }
  }
  if (count > 0) visit(tiles, 1);
}

// Tiles of a line, as few as may be, and the rows that then suffice.
struct LineTiles {
  explicit LineTiles(int64_t pixels)
      : count((pixels + kTileRows - 1) / kTileRows), height((pixels + count - 1) / count) {}
  int64_t count, height;
};

// Short lines, one behind the other with what lies between them, as one line, where that fills
// tiles so much better that the sums of what lies between can be thrown away.
inline bool JoinsLines(const TileRows& rows, TileRows& joined) {
  if (rows.lines == 1 || rows.pixel_stride <= 0 ||
      rows.line_stride < rows.pixels * rows.pixel_stride ||
      rows.line_stride % rows.pixel_stride != 0) {
    return false;
  }
  joined = rows;
  joined.lines = 1;
  joined.pixels = (rows.lines - 1) * (rows.line_stride / rows.pixel_stride) + rows.pixels;
  return 4 * LineTiles(joined.pixels).count <= 3 * rows.lines * LineTiles(rows.pixels).count;
}

// From the sums of a row tile of joined lines to C.
inline void CopySums(const IntegerGemmProblem& problem, const RowTile& tile, int64_t height,
                     const int32_t* sums, int64_t stride, int64_t column) {
  const int64_t pitch = problem.rows.line_stride / problem.rows.pixel_stride;
  const int64_t columns = std::min(problem.n - column, stride);
  int64_t line = tile.c_row / pitch;
  int64_t pixel = tile.c_row % pitch;
  for (int64_t row = 0; row < height; ++row, ++pixel, sums += stride) {
    if (pixel == pitch) {
      ++line;
      pixel = 0;
    }
    if (pixel >= problem.rows.pixels) continue;
    int32_t* to = problem.c + (line * problem.rows.pixels + pixel) * problem.ldc + column;
    for (int64_t c = 0; c < columns; c += kTileColumns) {
      const int64_t left = std::min(columns - c, kTileColumns);
      _mm512_mask_storeu_epi32(to + c, static_cast<__mmask16>((1 << left) - 1),
                               _mm512_load_si512(sums + c));
    }
  }
}

// Of a panel that is not there as many as of most, since nothing is multiplied there.
inline int64_t ColumnsOf(const IntegerGemmProblem& problem, int64_t panel) {
  const int64_t left = problem.n - panel * kTileColumns;
  return left > 0 ? std::min(left, kTileColumns) : kTileColumns;
}

inline void MultiplyJoinedLines(const IntegerGemmProblem& problem, const TileRows& joined) {
  alignas(64) int32_t sums[2 * kTileRows * 2 * kTileColumns];
  constexpr int64_t kStride = 2 * kTileColumns;
  const BlockSums block = {{sums, sums + kTileRows * kStride}, kStride};
  const int64_t height = LineTiles(joined.pixels).height;
  ConfiguredTiles configured(height, ColumnsOf(problem, 0), ColumnsOf(problem, 1));
  for (int64_t column = 0; column < problem.n; column += 2 * kTileColumns) {
    const int64_t panel = column / kTileColumns;
    configured.Configure(ColumnsOf(problem, panel), ColumnsOf(problem, panel + 1));
    ForEachTwoRowTiles(joined, height, [&](const RowTile* tiles, int count) {
      MultiplyPanels(problem, RowsInPlace(joined, tiles), count, block, panel);
      for (int i = 0; i < count; ++i) {
        CopySums(problem, tiles[i], height, block.of[i], kStride, column);
      }
    });
  }
}

// A load of a tile whose rows cross cache lines takes several times that of one whose rows do
// not, so rows that do, and that meet many panels, are copied: two row tiles at a time. Not for
// a panel of fewer columns than the others, which would be configured for each two.
inline constexpr int64_t kCopiedSteps = 16;  // at most; they take two thirds of the first level

inline bool CopiesPay(const IntegerGemmProblem& problem) {
  constexpr int64_t kManyColumns = 4 * kTileColumns;
  return problem.rows.pixel_stride % kTileRowBytes != 0 && problem.n >= kManyColumns &&
         problem.n % kTileColumns == 0 &&
         TilePanelBytes(problem.depth) <= kCopiedSteps * kTileBytes;
}

struct RowCopies {
  // 32 bytes more, for what is written behind a row.
  alignas(64) uint8_t bytes[kCopiedSteps * 2 * kTileBytes + 32];

  void Copy(const IntegerGemmProblem& problem, const RowTile* tiles, int count, int64_t height) {
    uint8_t* step = bytes;
    for (int64_t segment = 0; segment < problem.depth.segments; ++segment) {
      for (int64_t k = 0; k < problem.depth.bytes; k += kTileRowBytes, step += 2 * kTileBytes) {
        for (int tile = 0; tile < count; ++tile) {
          const uint8_t* from = tiles[tile].row + problem.rows.offsets[segment] + k;
          uint8_t* to = step + tile * kTileBytes;
          for (int64_t row = 0; row < height; ++row, to += kTileRowBytes) {
            _mm512_store_si512(to, _mm512_loadu_si512(from + row * problem.rows.pixel_stride));
          }
        }
      }
    }
  }
};

// Calls prepare(tiles, count, height), and multiplies what it left in `copies`.
template <typename Prepare>
inline void MultiplyCopies(const IntegerGemmProblem& problem, const RowCopies& copies,
                           const Prepare& prepare) {
  const int64_t height = LineTiles(problem.rows.pixels).height;
  ConfiguredTiles configured(height, ColumnsOf(problem, 0), ColumnsOf(problem, 1));
  ForEachTwoRowTiles(problem.rows, height, [&](const RowTile* tiles, int count) {
    prepare(tiles, count, height);
    for (int64_t column = 0; column < problem.n; column += 2 * kTileColumns) {
      const int64_t panel = column / kTileColumns;
      configured.Configure(ColumnsOf(problem, panel), ColumnsOf(problem, panel + 1));
      MultiplyPanels(problem, CopiedRows(copies.bytes), count, SumsOf(problem, tiles, column),
                     panel);
    }
  });
}

// problem.packed: panels of TilePanelBytes.
inline void MultiplyWithTiles(const IntegerGemmProblem& problem) {
  if (TileRows joined; JoinsLines(problem.rows, joined)) {
    return MultiplyJoinedLines(problem, joined);
  }
  if (CopiesPay(problem)) {
    RowCopies copies;
    return MultiplyCopies(problem, copies, [&](const RowTile* tiles, int count, int64_t height) {
      copies.Copy(problem, tiles, count, height);
    });
  }
  const int64_t height = LineTiles(problem.rows.pixels).height;
  ConfiguredTiles configured(height, ColumnsOf(problem, 0), ColumnsOf(problem, 1));
  for (int64_t column = 0; column < problem.n; column += 2 * kTileColumns) {
    const int64_t panel = column / kTileColumns;
    configured.Configure(ColumnsOf(problem, panel), ColumnsOf(problem, panel + 1));
    ForEachTwoRowTiles(problem.rows, height, [&](const RowTile* tiles, int count) {
      MultiplyPanels(problem, RowsInPlace(problem.rows, tiles), count,
                     SumsOf(problem, tiles, column), panel);
    });
  }
}

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TILES_X86_AMX_H_
