// Value: what the name of a tensor stands for while an ONNX graph is imported.
#ifndef SIGNUM_ONNX_VALUE_H_
#define SIGNUM_ONNX_VALUE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "graph/graph.h"
#include "onnx/constant.h"

namespace signum::onnx {

// What was known of a constant before DequantizeLinear (or QONNX's Quant or
// BipolarQuant) made floats of it: element = scale * (code - zero_point). Scales and
// zero-points are one number, or one for each index of `axis`.
struct QuantizedConstant {
  ConstantPointer codes;  // of an integer type; BipolarQuant's are -1 and +1
  std::vector<float> scale;
  std::vector<int64_t> zero_point;  // as many as scales
  int axis = 0;                     // where there are several
  int bits = 8;                     // that the codes have: 1 (-1 and +1) to 8, or 32
};

// How the integers of a tensor of type int8 or uint8 come from a node's floats:
// float = scale * (integer - zero_point).
struct IntegerEncoding {
  float scale = 1.0f;
  int64_t zero_point = 0;
  bool operator==(const IntegerEncoding&) const = default;
};

// Either a constant, or the value of a node of the Graph that is being built. A tensor
// whose first axis is the batch is the node's value as it is; the Graph has no other
// batch, so any other tensor is, for each image, a value with one axis more.
struct Value {
  ConstantPointer constant;                            // or null
  std::shared_ptr<const QuantizedConstant> quantized;  // of a constant, where known

  NodeId node = -1;
  // Whether axis 0 is the Graph's batch: the node's shape is then `sizes` with 1 in the
  // place of the first; else it is 1 followed by `sizes`.
  bool batched = false;

  std::vector<int64_t> sizes;  // as ONNX has them; a symbolic batch counts as 1
  ElementType type = ElementType::kFloat32;
  // Of integers that stand for the floats of `node`; without it a node's floats are
  // the integers themselves.
  std::optional<IntegerEncoding> encoding;

  bool is_constant() const { return constant != nullptr; }
  bool absent() const { return constant == nullptr && node < 0; }
  int rank() const { return static_cast<int>(sizes.size()); }
  bool is_integer() const { return type != ElementType::kFloat32; }

  static Value Of(Constant known) {
    Value value;
    value.sizes = known.sizes;
    value.type = known.type;
    value.constant = std::make_shared<const Constant>(std::move(known));
    return value;
  }
};

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_VALUE_H_
