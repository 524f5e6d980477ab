// Shape: the sizes of a tensor, outermost first. Feature maps are NCHW.
// Knows nothing of what the numbers mean.
#ifndef SIGNUM_BASE_SHAPE_H_
#define SIGNUM_BASE_SHAPE_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace signum {

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) : sizes_(sizes) {}
  explicit Shape(std::vector<int64_t> sizes) : sizes_(std::move(sizes)) {}

  int rank() const { return static_cast<int>(sizes_.size()); }
  int64_t operator[](int axis) const { return sizes_[axis]; }
  int64_t& operator[](int axis) { return sizes_[axis]; }
  const std::vector<int64_t>& sizes() const { return sizes_; }

  // The product of the sizes; 1 for rank 0. Sizes must have passed
  // CheckedElements once, which bounds the product.
  int64_t elements() const {
    int64_t product = 1;
    for (int64_t size : sizes_) product *= size;
    return product;
  }

  // "1x64x32x32"; "scalar" for rank 0.
  std::string ToString() const;

  bool operator==(const Shape&) const = default;

 private:
  std::vector<int64_t> sizes_;
};

// The most elements a tensor may have: more is taken for a corrupt size.
inline constexpr int64_t kMaxTensorElements = int64_t{1} << 33;

// The product of `shape`'s sizes, or -1 where a size is below 1 or the product
// exceeds kMaxTensorElements. For sizes that come from outside.
int64_t CheckedElements(const Shape& shape);

}  // namespace signum

#endif  // SIGNUM_BASE_SHAPE_H_
