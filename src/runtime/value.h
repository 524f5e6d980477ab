// Value: what a step reads or writes, as the compiler sees it: a place in the
// arena, the IR's shape of one image, and what the numbers stand for.
//
// Layout: images follow each other without gaps. A value of rank 4 is stored
// NHWC, channels adjacent; any other rank is row-major as the IR has it. Codes may have a
// ring of pixels around their map, so that convolutions read their padding in place. 1-bit
// codes may be bits, and codes of few bits may be that many planes of bits, one map behind
// the other, the highest bits first. All other values are dense.
#ifndef SIGNUM_RUNTIME_VALUE_H_
#define SIGNUM_RUNTIME_VALUE_H_

#include <cstdint>
#include <vector>

#include "base/shape.h"
#include "graph/ops.h"

namespace signum::runtime {

// Floats, or the uint8 codes of floats: value = scale * (code - zero_point). A
// 1-bit value has the codes 0 and 2 with zero point 1, so that it is -1 or +1
// times the scale, and the code 1 is an exact zero.
struct Encoding {
  bool codes = false;
  float scale = 1.0f;
  int zero_point = 0;
  int bits = 32;

  int highest_code() const { return bits == 1 ? 2 : (1 << bits) - 1; }
  bool operator==(const Encoding&) const = default;
};

struct Value {
  int storage = -1;  // index of a Storage
  Shape shape;       // the IR's, at batch size 1
  Encoding encoding;
  Padding ring = {};      // pixels around the map, which hold ring_code
  uint8_t ring_code = 0;  // 0 where 1-bit codes are `bits`
  bool bits = false;      // planes of bits (1-bit codes: 1 for +1), least significant first;
                          // each pixel is whole bytes, whose last bits are 0

  int64_t elements() const { return shape.elements(); }
  int64_t element_bytes() const { return encoding.codes ? 1 : 4; }
  // Sizes of rank 4 values.
  int64_t channels() const { return shape[1]; }
  int64_t height() const { return shape[2]; }
  int64_t width() const { return shape[3]; }

  // The value as a map, which has one pixel where the rank is not 4.
  bool is_map() const { return shape.rank() == 4; }
  int64_t map_height() const { return is_map() ? shape[2] : 1; }
  int64_t map_width() const { return is_map() ? shape[3] : 1; }
  int64_t map_channels() const { return is_map() ? shape[1] : elements(); }
  int64_t pixel_bytes() const {
    return bits ? (map_channels() + 7) / 8 : map_channels() * element_bytes();
  }
  int64_t line_bytes() const { return (map_width() + ring.left + ring.right) * pixel_bytes(); }
  int64_t planes() const { return bits ? encoding.bits : 1; }
  int64_t plane_bytes() const { return (map_height() + ring.top + ring.bottom) * line_bytes(); }
  int64_t image_bytes() const { return planes() * plane_bytes(); }
  // Bytes from the first image's start to a pixel of the first plane, which may be one of the
  // ring.
  int64_t offset(int64_t image, int64_t y, int64_t x) const {
    return image * image_bytes() + (y + ring.top) * line_bytes() + (x + ring.left) * pixel_bytes();
  }
  // Without the ring.
  int64_t map_bytes() const { return planes() * map_height() * map_width() * pixel_bytes(); }
  bool is_dense() const { return ring == Padding{} && !bits; }
};

// A part of the arena, shared by values that alias (a flattened one and its
// source). Alive from the step that writes it to the last that reads it.
struct Storage {
  int64_t bytes = 0;  // per image
  int first_step = 0;
  int last_step = 0;
  int64_t offset = 0;  // per image; PlanMemory sets it
};

// The sizes of one image's axes in the order they are stored.
inline std::vector<int64_t> StoredSizes(const Shape& shape) {
  if (shape.rank() == 4) return {shape[2], shape[3], shape[1]};
  return {shape.sizes().begin() + 1, shape.sizes().end()};
}

// The place of the IR's `axis` (1 or higher) in StoredSizes.
inline int StoredAxis(const Shape& shape, int axis) {
  if (shape.rank() != 4) return axis - 1;
  return axis == 1 ? 2 : axis - 2;
}

// Whether the stored order is the IR's row-major order.
inline bool IsRowMajor(const Shape& shape) {
  return shape.rank() != 4 || shape[1] == 1 || shape[2] * shape[3] == 1;
}

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_VALUE_H_
