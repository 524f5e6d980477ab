#include "runtime/row_block.h"

#include <cstring>

namespace signum::runtime {
namespace {

// Of lines [first, first + lines), of which the block has the first pixel or the last.
void FillRingOfLines(const Value& value, int64_t image, int64_t first, int64_t lines, bool begins,
                     bool ends, std::byte* base) {
  const Padding& ring = value.ring;
  const auto fill = [&](int64_t y, int64_t x, int64_t bytes) {
    std::memset(base + value.offset(image, y, x), value.ring_code, static_cast<size_t>(bytes));
  };
  if (first == 0 && begins) fill(-ring.top, -ring.left, ring.top * value.line_bytes());
  for (int64_t y = first; y < first + lines; ++y) {
    if (begins) fill(y, -ring.left, ring.left * value.pixel_bytes());
    if (ends) fill(y, value.map_width(), ring.right * value.pixel_bytes());
  }
  if (first + lines == value.map_height() && begins) {
    fill(value.map_height(), -ring.left, ring.bottom * value.line_bytes());
  }
}

}  // namespace

void FillRing(const Value& value, const RowBlock& block, std::byte* base) {
  if (value.ring == Padding{}) return;
  if (!block.across_images) {
    return FillRingOfLines(value, block.image, block.line, block.lines, block.pixel == 0,
                           block.line_rows || block.pixel + block.pixels >= value.map_width(),
                           base);
  }
  for (int64_t i = 0; i < block.pixels; ++i) {
    FillRingOfLines(value, block.image + i, 0, 1, true, true, base);
  }
}

}  // namespace signum::runtime
