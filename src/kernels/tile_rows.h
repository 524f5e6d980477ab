// What the integer matrix kernels multiply: rows of 8-bit bytes that lie somewhere in a
// feature map, as the pixels of a convolution see it. Nothing is copied for them.
//
// A row is the patch of one output pixel: `segments` runs of `bytes` adjacent bytes, the
// s-th of them offsets[s] bytes from the row's start. A 3x3 convolution over channels-
// last maps has three segments, one for each row of its window; a matrix has one. Rows
// come in lines of adjacent pixels: pixel p of line l starts l * line_stride +
// p * pixel_stride bytes after `a`. Where numbers are stored as bit planes, a row has its
// segments once for each plane, all of the first plane, the highest bits, first.
//
// Overread: up to kOverread bytes behind a row's segments are read and their values
// ignored, so they must be readable; so must what lies between rows, and between lines. Rows
// may overlap.
#ifndef SIGNUM_KERNELS_TILE_ROWS_H_
#define SIGNUM_KERNELS_TILE_ROWS_H_

#include <cstdint>

namespace signum::kernels {

inline constexpr int64_t kOverread = 63;

struct Depth {
  int64_t segments = 1;                               // >= 1
  int64_t bytes = 0;                                  // of a segment, >= 1
  int64_t planes = 1;                                 // >= 1; more than one for gemm_b1w1 only
  int64_t total() const { return segments * bytes; }  // of a plane, which is one of weights
};

struct TileRows {
  const uint8_t* a = nullptr;
  int64_t lines = 1, pixels = 1;              // >= 1
  int64_t line_stride = 0, pixel_stride = 0;  // in bytes
  const int64_t* offsets = nullptr;           // [planes][segments], in bytes

  int64_t rows() const { return lines * pixels; }
  const uint8_t* row(int64_t line, int64_t pixel) const {
    return a + line * line_stride + pixel * pixel_stride;
  }
};

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TILE_ROWS_H_
