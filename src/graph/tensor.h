// Tensor: typed numbers with a shape, dense and row-major, held by value.
// Knows nothing of networks.
#ifndef SIGNUM_GRAPH_TENSOR_H_
#define SIGNUM_GRAPH_TENSOR_H_

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/shape.h"

namespace signum {

enum class DataType : uint8_t { kFloat32 = 0, kInt8 = 1 };

class Tensor {
 public:
  Tensor() : Tensor(Shape{}, std::vector<float>(1)) {}

  // `values.size()` must be `shape.elements()`.
  Tensor(Shape shape, std::vector<float> values);
  // Codes of a quantized weight: see WeightQuantizer in ops.h.
  Tensor(Shape shape, std::vector<int8_t> codes);

  static Tensor Filled(Shape shape, float value);

  // A float tensor of which only the shape is there: enough to say what a network
  // costs, at no cost of its own.
  static Tensor ShapeOnly(Shape shape);
  bool has_values() const {
    const size_t count = std::visit([](const auto& values) { return values.size(); }, values_);
    return static_cast<int64_t>(count) == elements();
  }

  const Shape& shape() const { return shape_; }
  int64_t elements() const { return shape_.elements(); }
  DataType type() const { return static_cast<DataType>(values_.index()); }

  // The elements; the tensor must be of that type and have them.
  std::span<const float> floats() const { return Present(std::get<0>(values_)); }
  std::span<float> floats() { return Present(std::get<0>(values_)); }
  std::span<const int8_t> codes() const { return Present(std::get<1>(values_)); }
  std::span<int8_t> codes() { return Present(std::get<1>(values_)); }

  bool operator==(const Tensor&) const = default;

 private:
  template <typename Values>
  Values& Present(Values& values) const {
    SIGNUM_CHECK(has_values());
    return values;
  }

  Shape shape_;
  std::variant<std::vector<float>, std::vector<int8_t>> values_;
};

}  // namespace signum

#endif  // SIGNUM_GRAPH_TENSOR_H_
