#include "graph/tensor.h"

#include "base/check.h"

namespace signum {

Tensor::Tensor(Shape shape, std::vector<float> values)
    : shape_(std::move(shape)), values_(std::move(values)) {
  SIGNUM_CHECK(static_cast<int64_t>(floats().size()) == shape_.elements());
}

Tensor::Tensor(Shape shape, std::vector<int8_t> codes)
    : shape_(std::move(shape)), values_(std::move(codes)) {
  SIGNUM_CHECK(static_cast<int64_t>(this->codes().size()) == shape_.elements());
}

Tensor Tensor::Filled(Shape shape, float value) {
  const auto count = static_cast<size_t>(shape.elements());
  return Tensor(std::move(shape), std::vector<float>(count, value));
}

}  // namespace signum
