// RowBlock: pixels of a batch of maps that a piece of work covers, and where they lie in
// a value.
#ifndef SIGNUM_RUNTIME_ROW_BLOCK_H_
#define SIGNUM_RUNTIME_ROW_BLOCK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/value.h"

namespace signum::runtime {

// One of these: pixels [pixel, pixel + pixels) of `lines` lines of one image's map, of
// several lines all pixels, or with line_rows the lines as one row each; `pixels` images
// from `image` on,
// each a map of one pixel; or, where row_elements is not 0, `pixels` rows of so many
// elements of a dense value, counted from row `image` through the whole batch.
struct RowBlock {
  int64_t image = 0;
  int64_t line = 0, lines = 1;
  int64_t pixel = 0, pixels = 1;  // of a line
  bool line_rows = false;
  bool across_images = false;
  int64_t row_elements = 0;

  static RowBlock Lines(int64_t image, int64_t line, int64_t lines, int64_t width) {
    return {.image = image, .line = line, .lines = lines, .pixels = width};
  }
  static RowBlock LineAsRow(int64_t image, int64_t line) {
    return {.image = image, .line = line, .line_rows = true};
  }
  static RowBlock Images(int64_t first, int64_t count) {
    return {.image = first, .pixels = count, .across_images = true};
  }
  static RowBlock Flat(int64_t first, int64_t rows, int64_t row_elements) {
    return {.image = first, .pixels = rows, .row_elements = row_elements};
  }
};

// Bytes from a value's start to the block's first row, and from line to line and from
// row to row.
struct RowWalk {
  int64_t offset = 0, line_stride = 0, pixel_stride = 0;
  int64_t at(int64_t line) const { return offset + line * line_stride; }
};

inline RowWalk WalkThrough(const Value& value, const RowBlock& block) {
  if (block.row_elements > 0) {
    const int64_t bytes = block.row_elements * value.element_bytes();
    return {block.image * bytes, block.pixels * bytes, bytes};
  }
  return {value.offset(block.image, block.line, block.pixel), value.line_bytes(),
          block.across_images ? value.image_bytes() : value.pixel_bytes()};
}

// Rows of few channels that lie behind each other may be taken several at a time, as one row
// of channels again and again: how many at most, and how many of `rows` so that none is left.
inline int64_t RowsTogether(int64_t channels) {
  constexpr int64_t kManyChannels = 64;
  return channels % 8 == 0 ? std::max<int64_t>(1, kManyChannels / channels) : 1;
}
inline int64_t RowsTogether(int64_t channels, int64_t rows) {
  int64_t together = RowsTogether(channels);
  while (rows % together != 0) --together;
  return together;
}

// `values` as often as rows are taken together.
template <typename T>
void RepeatForRowsTogether(std::vector<T>& values) {
  const size_t size = values.size();
  if (size == 0) return;
  const int64_t together = RowsTogether(static_cast<int64_t>(size));
  values.reserve(size * static_cast<size_t>(together));
  for (int64_t i = 1; i < together; ++i)
    values.insert(values.end(), values.begin(), values.begin() + static_cast<int64_t>(size));
}

// Fills the ring beside the block where it begins or ends lines, and above and below where
// those are the first and the last of their map. `base` is where the value starts.
void FillRing(const Value& value, const RowBlock& block, std::byte* base);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_ROW_BLOCK_H_
