#include "graph/tensor.h"

#include <utility>

namespace signum {

Tensor::Tensor(Shape shape, std::vector<float> values)
    : shape_(std::move(shape)), values_(std::move(values)) {
  SIGNUM_CHECK(has_values());
}

Tensor::Tensor(Shape shape, std::vector<int8_t> codes)
    : shape_(std::move(shape)), values_(std::move(codes)) {
  SIGNUM_CHECK(has_values());
}

Tensor Tensor::Filled(Shape shape, float value) {
  const auto count = static_cast<size_t>(shape.elements());
  return Tensor(std::move(shape), std::vector<float>(count, value));
}

Tensor Tensor::ShapeOnly(Shape shape) {
  Tensor tensor;
  tensor.shape_ = std::move(shape);
  tensor.values_ = std::vector<float>();
  return tensor;
}

}  // namespace signum
