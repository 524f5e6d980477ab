// A vector of channels at a time. Columns between the same two pixels share what is loaded,
// and lines what is blended along them. For files of one ISA only: all of it is in an
// anonymous namespace, so that it stays in the file it was compiled for.
#ifndef SIGNUM_KERNELS_BILINEAR_COLUMNS_H_
#define SIGNUM_KERNELS_BILINEAR_COLUMNS_H_

#include <cstdint>

#include "kernels/bilinear/bilinear.h"

namespace signum::kernels {
namespace {

// One vector of the columns [first, last), which lie between the same pixels, in all lines.
// Lanes has
//
//   Load(p, zero_point, scale)         of floats, which need neither, or of codes
//   Store(p, x)
//   Blend(x, x_weight, y, y_weight)    x * x_weight + y * y_weight
template <typename Lanes, typename T>
inline void BlendVector(const Lanes& lanes, const BilinearProblem& p, const T* above,
                        const T* below, int64_t first, int64_t last, int64_t channel) {
  const int64_t left = p.columns[first].left + channel;
  const int64_t right = p.columns[first].right + channel;
  const auto above_left = lanes.Load(above + left, p.zero_point, p.scale);
  const auto above_right = lanes.Load(above + right, p.zero_point, p.scale);
  const auto below_left = lanes.Load(below + left, p.zero_point, p.scale);
  const auto below_right = lanes.Load(below + right, p.zero_point, p.scale);
  for (int64_t column = first; column < last; ++column) {
    const float left_weight = p.columns[column].left_weight;
    const float right_weight = p.columns[column].right_weight;
    const auto over = lanes.Blend(above_left, left_weight, above_right, right_weight);
    const auto under = lanes.Blend(below_left, left_weight, below_right, right_weight);
    float* out = p.output + column * p.channels + channel;
    for (int64_t line = 0; line < p.line_count; ++line, out += p.output_stride) {
      const BilinearLine& down = p.lines[line];
      lanes.Store(out, lanes.Blend(over, down.above_weight, under, down.below_weight));
    }
  }
}

// Pixel::ForEachVector(channels, visit) calls visit(lanes, channel) for vectors that cover
// the channels of a pixel; they may overlap.
template <typename Pixel, typename T>
void RunColumns(const BilinearProblem& problem, const T* above, const T* below) {
  const BilinearProblem p = problem;  // which no store can change
  for (int64_t first = 0, last; first < p.column_count; first = last) {
    const BilinearColumn& column = p.columns[first];
    last = first + 1;
    while (last < p.column_count && p.columns[last].left == column.left &&
           p.columns[last].right == column.right) {
      ++last;
    }
    Pixel::ForEachVector(p.channels, [&](const auto& lanes, int64_t channel) {
      BlendVector(lanes, p, above, below, first, last, channel);
    });
  }
}

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_BILINEAR_COLUMNS_H_
