// Pieces: how the sums of a layer are cut into what threads take at a time. Rows are pixels,
// which lie in lines of images, columns are output channels. Knows sizes only.
#ifndef SIGNUM_RUNTIME_PIECES_H_
#define SIGNUM_RUNTIME_PIECES_H_

#include <cstdint>

namespace signum::runtime {

struct PieceSizes {
  int64_t images = 1, lines = 1, pixels = 1;  // lines of an image, pixels of a line
  int64_t groups = 1, columns = 1;            // columns of a group
  int64_t depth = 1;                          // products of a row and a column
  int64_t most_rows = 1;                      // of a piece
  int64_t row_multiple = 1;  // what the pixels of a part of a line are rounded up to
  int64_t column_multiple = 1;
};

// Lines of an image, or a run of pixels of one, and columns of a group.
struct Piece {
  int64_t image = 0;
  int64_t line = 0, lines = 1;  // more than one only where they are whole
  int64_t pixel = 0, pixels = 1;
  int64_t group = 0;
  int64_t column = 0, columns = 1;
};

class Pieces {
 public:
  Pieces(const PieceSizes& sizes, int threads);

  int64_t count() const { return sizes_.images * sizes_.groups * line_pieces_ * runs_ * splits_; }
  Piece at(int64_t index) const;

 private:
  PieceSizes sizes_;
  int64_t lines_ = 1, pixels_ = 1, columns_ = 1;     // of a piece
  int64_t line_pieces_ = 1, runs_ = 1, splits_ = 1;  // of an image and a group
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_PIECES_H_
