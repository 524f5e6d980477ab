#include "base/shape.h"

namespace signum {

std::string Shape::ToString() const {
  if (sizes_.empty()) return "scalar";
  std::string text;
  for (int64_t size : sizes_) {
    if (!text.empty()) text += 'x';
    text += std::to_string(size);
  }
  return text;
}

int64_t CheckedElements(const Shape& shape) {
  int64_t product = 1;
  for (int64_t size : shape.sizes()) {
    if (size < 1 || size > kMaxTensorElements / product) return -1;
    product *= size;
  }
  return product;
}

}  // namespace signum
