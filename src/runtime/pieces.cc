#include "runtime/pieces.h"

#include <algorithm>

#include "base/rounding.h"

namespace signum::runtime {

Pieces::Pieces(const PieceSizes& sizes, int threads) : sizes_(sizes), columns_(sizes.columns) {
  // Pieces large enough to be worth waking a thread for, and three or more a thread where
  // there is work for them.
  constexpr int64_t kLeastMacs = 1 << 18;
  int64_t rows = sizes.most_rows;
  if (threads > 1) {
    const int64_t least = kLeastMacs / (sizes.columns * sizes.depth) + 1;
    const int64_t all = sizes.images * sizes.groups * sizes.lines * sizes.pixels;
    rows = std::min(rows, std::max(least, base::DivideUp(all, threads * int64_t{3})));
  }
  // Runs of nearly equal length in long lines; several short lines.
  const int64_t runs = base::DivideUp(sizes.pixels, rows);
  pixels_ =
      std::min(sizes.pixels, base::RoundUp(base::DivideUp(sizes.pixels, runs), sizes.row_multiple));
  pixels_ = std::min(pixels_, sizes.most_rows);
  if (runs == 1) lines_ = std::clamp<int64_t>(rows / sizes.pixels, 1, sizes.lines);
  runs_ = base::DivideUp(sizes.pixels, pixels_);
  line_pieces_ = base::DivideUp(sizes.lines, lines_);
  if (const int64_t pieces = count(); pieces < threads) {
    const int64_t least = kLeastMacs / (lines_ * pixels_ * sizes.depth) + 1;
    const int64_t fair = base::DivideUp(sizes.columns, base::DivideUp(threads, pieces));
    columns_ = std::min(sizes.columns, base::RoundUp(std::max(least, fair), sizes.column_multiple));
  }
  splits_ = base::DivideUp(sizes.columns, columns_);
}

Piece Pieces::at(int64_t index) const {
  Piece piece;
  piece.column = index % splits_ * columns_;
  piece.columns = std::min(columns_, sizes_.columns - piece.column);
  index /= splits_;
  piece.pixel = index % runs_ * pixels_;
  piece.pixels = std::min(pixels_, sizes_.pixels - piece.pixel);
  index /= runs_;
  piece.line = index % line_pieces_ * lines_;
  piece.lines = std::min(lines_, sizes_.lines - piece.line);
  index /= line_pieces_;
  piece.group = index % sizes_.groups;
  piece.image = index / sizes_.groups;
  return piece;
}

}  // namespace signum::runtime
