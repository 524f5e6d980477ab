#include "onnx/constant.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <utility>

#include "base/check.h"

namespace signum::onnx {
namespace {

template <typename T>
std::vector<T> NarrowedTo(const std::vector<int64_t>& values) {
  return std::vector<T>(values.begin(), values.end());
}

template <typename T>
IntegerRange RangeOfType() {
  return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
}

}  // namespace

const char* ElementTypeName(ElementType type) {
  switch (type) {
    case ElementType::kFloat32: return "float32";
    case ElementType::kInt8: return "int8";
    case ElementType::kUint8: return "uint8";
    case ElementType::kInt16: return "int16";
    case ElementType::kUint16: return "uint16";
    case ElementType::kInt32: return "int32";
    case ElementType::kUint32: return "uint32";
    case ElementType::kInt64: return "int64";
    case ElementType::kUint64: return "uint64";
    case ElementType::kBool: return "bool";
  }
  return "unknown";
}

IntegerRange RangeOf(ElementType type) {
  switch (type) {
    case ElementType::kInt8: return RangeOfType<int8_t>();
    case ElementType::kUint8: return RangeOfType<uint8_t>();
    case ElementType::kInt16: return RangeOfType<int16_t>();
    case ElementType::kUint16: return RangeOfType<uint16_t>();
    case ElementType::kInt32: return RangeOfType<int32_t>();
    case ElementType::kUint32: return RangeOfType<uint32_t>();
    case ElementType::kUint64: return {0, std::numeric_limits<int64_t>::max()};
    case ElementType::kBool: return {0, 1};
    default: return RangeOfType<int64_t>();
  }
}

Constant Constant::OfFloats(std::vector<int64_t> sizes, std::vector<float> values) {
  return {ElementType::kFloat32, std::move(sizes), std::move(values)};
}

Constant Constant::OfIntegers(ElementType type, std::vector<int64_t> sizes,
                              const std::vector<int64_t>& values) {
  SIGNUM_CHECK(type != ElementType::kFloat32);
  Constant constant{type, std::move(sizes), {}};
  if (type == ElementType::kInt8) {
    constant.data = NarrowedTo<int8_t>(values);
  } else if (type == ElementType::kUint8) {
    constant.data = NarrowedTo<uint8_t>(values);
  } else {
    constant.data = values;
  }
  return constant;
}

int64_t Constant::elements() const {
  return std::visit([](const auto& values) { return static_cast<int64_t>(values.size()); }, data);
}

float Constant::Float(int64_t index) const {
  return std::visit([&](const auto& values) { return static_cast<float>(values[index]); }, data);
}

int64_t Constant::Integer(int64_t index) const {
  SIGNUM_CHECK(!is_float());
  return std::visit([&](const auto& values) { return static_cast<int64_t>(values[index]); }, data);
}

std::vector<float> Constant::Floats() const {
  return std::visit(
      [](const auto& values) {
        std::vector<float> floats(values.size());
        for (size_t i = 0; i < values.size(); ++i) floats[i] = static_cast<float>(values[i]);
        return floats;
      },
      data);
}

std::vector<int64_t> Constant::Integers() const {
  SIGNUM_CHECK(!is_float());
  return std::visit(
      [](const auto& values) { return std::vector<int64_t>(values.begin(), values.end()); }, data);
}

std::string SizesText(const std::vector<int64_t>& sizes) {
  return sizes.empty() ? "scalar" : fmt::format("{}", fmt::join(sizes, "x"));
}

std::string Describe(const Constant& constant) {
  return fmt::format("{} {}", ElementTypeName(constant.type), SizesText(constant.sizes));
}

int64_t CheckedProduct(const std::vector<int64_t>& sizes, int64_t limit) {
  int64_t product = 1;
  bool empty = false;
  for (const int64_t size : sizes) {
    if (size < 0) return -1;
    if (size == 0) {
      empty = true;
      continue;
    }
    if (product > limit / size) return -1;
    product *= size;
  }
  return empty ? 0 : product;
}

}  // namespace signum::onnx
