// Constant: a tensor of an ONNX file whose numbers are known while importing:
// weights, and what shapes are computed from. Knows neither protobuf nor Graph.
#ifndef SIGNUM_ONNX_CONSTANT_H_
#define SIGNUM_ONNX_CONSTANT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace signum::onnx {

// The element types that are kept apart. Floats of 16 and 64 bits become kFloat32
// when a tensor is read.
enum class ElementType : uint8_t {
  kFloat32,
  kInt8,
  kUint8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kInt64,
  kUint64,
  kBool,
};

// "float32", "int8", ...
const char* ElementTypeName(ElementType type);

// Of an integer type: the least and the largest number. kUint64 ends where int64 does.
struct IntegerRange {
  int64_t lowest = 0, highest = 0;
};
IntegerRange RangeOf(ElementType type);

struct Constant {
  // Row-major elements: floats for kFloat32, int8_t for kInt8, uint8_t for kUint8,
  // and int64_t for every other type (0 or 1 for kBool).
  using Data = std::variant<std::vector<float>, std::vector<int8_t>, std::vector<uint8_t>,
                            std::vector<int64_t>>;

  ElementType type = ElementType::kFloat32;
  std::vector<int64_t> sizes;  // none for a scalar; may hold zeros
  Data data;

  static Constant OfFloats(std::vector<int64_t> sizes, std::vector<float> values);
  // `type` is an integer type or kBool, and holds every value.
  static Constant OfIntegers(ElementType type, std::vector<int64_t> sizes,
                             const std::vector<int64_t>& values);

  bool is_float() const { return type == ElementType::kFloat32; }
  int rank() const { return static_cast<int>(sizes.size()); }
  int64_t elements() const;  // of `data`

  float Float(int64_t index) const;      // of any type
  int64_t Integer(int64_t index) const;  // of integer types and kBool
  std::vector<float> Floats() const;
  std::vector<int64_t> Integers() const;

  bool operator==(const Constant&) const = default;
};

using ConstantPointer = std::shared_ptr<const Constant>;

// "int64 2x3", for messages; "float32 scalar".
std::string Describe(const Constant& constant);

// "2x3"; "scalar" where there are none.
std::string SizesText(const std::vector<int64_t>& sizes);

// The product of sizes that are 0 or more, or -1 where one is below 0 or the product
// is above `limit`.
int64_t CheckedProduct(const std::vector<int64_t>& sizes, int64_t limit);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_CONSTANT_H_
