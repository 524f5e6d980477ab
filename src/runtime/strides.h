// Where elements lie: strides of the IR's axes in the stored order, and one
// value's elements seen from the stored order of another.
#ifndef SIGNUM_RUNTIME_STRIDES_H_
#define SIGNUM_RUNTIME_STRIDES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/value.h"

namespace signum::runtime {

// By the IR's axis, how far apart neighbours along it lie in one image. The
// batch axis has 0: images are apart by elements().
inline std::vector<int64_t> AxisStrides(const Shape& shape) {
  const std::vector<int64_t> sizes = StoredSizes(shape);
  std::vector<int64_t> strides(shape.rank());
  for (int axis = 1; axis < shape.rank(); ++axis) {
    int64_t stride = 1;
    for (size_t i = StoredAxis(shape, axis) + 1; i < sizes.size(); ++i) stride *= sizes[i];
    strides[axis] = stride;
  }
  return strides;
}

// Maps the elements of an image of `frame`, in stored order, to elements of
// another value: moving along the frame's axis a moves by strides[a] there.
class StridedView {
 public:
  // strides: by the frame's axis in the IR, the batch's included and ignored.
  StridedView(const Shape& frame, const std::vector<int64_t>& strides)
      : sizes_(StoredSizes(frame)), strides_(sizes_.size()) {
    for (int axis = 1; axis < frame.rank(); ++axis) {
      strides_[StoredAxis(frame, axis)] = strides[axis];
    }
    if (sizes_.empty()) sizes_ = {1}, strides_ = {0};
  }

  // The frame's last stored axis: its size, and the stride along it.
  int64_t inner() const { return sizes_.back(); }
  int64_t inner_stride() const { return strides_.back(); }

  // Where row `row` of the frame (all stored axes but the last) starts.
  int64_t RowOffset(int64_t row) const {
    int64_t offset = 0;
    for (int axis = static_cast<int>(sizes_.size()) - 2; axis >= 0; --axis) {
      offset += row % sizes_[axis] * strides_[axis];
      row /= sizes_[axis];
    }
    return offset;
  }

 private:
  std::vector<int64_t> sizes_, strides_;  // in stored order
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_STRIDES_H_
