// ONNX's operators on integers of 8 bits: quantizers, and convolutions and matrix
// products of what they give.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "onnx/layer.h"
#include "onnx/operators.h"
#include "onnx/quantize.h"
#include "onnx/tensor_proto.h"

namespace signum::onnx {
namespace {

// Integers that a float holds, each of them.
constexpr double kExactIntegers = 16777216;  // 2^24

Status NeedIntegerType(const Value& value, const char* what) {
  if (value.is_integer()) return {};
  return InvalidArgument(fmt::format("its {} is float32; it has to be integers", what));
}

Status NeedBytes(const Value& value, const char* what) {
  if (value.type == ElementType::kInt8 || value.type == ElementType::kUint8) return {};
  return InvalidArgument(
      fmt::format("its {} is {}; int8 and uint8 are possible", what, ElementTypeName(value.type)));
}

Result<int64_t> ReadAxis(const OnnxNode& node) {
  SIGNUM_ASSIGN_OR_RETURN(const int64_t block_size, node.Int("block_size", 0));
  if (block_size != 0) return Unsupported("has scales for blocks (block_size)");
  return node.Int("axis", 1);
}

// The operand of a QLinear operator, whose scale and zero-point follow it.
Result<Value> DequantizedInput(Inputs inputs, size_t index, int64_t axis, const char* what,
                               GraphBuilder& builder) {
  const Value& value = inputs[index];
  SIGNUM_RETURN_IF_ERROR(NeedBytes(value, what));
  SIGNUM_ASSIGN_OR_RETURN(
      const Quantization quantization,
      ReadQuantization(inputs[index + 1], inputs[index + 2], value.sizes, axis, value.type));
  return Dequantize(value, quantization, builder);
}

Result<Value> QuantizedOutput(const Value& y, const Value& scale, const Value& zero_point,
                              int64_t axis, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const Quantization quantization,
                          ReadQuantization(scale, zero_point, y.sizes, axis, zero_point.type));
  return Quantize(y, quantization, zero_point.type, builder);
}

// The bias of QLinearConv in floats: its integers count steps of the accumulators.
Result<std::optional<std::vector<float>>> ReadIntegerBias(Inputs inputs, int64_t channels) {
  const Value& bias = InputOr(inputs, 8);
  if (bias.absent()) return std::optional<std::vector<float>>();
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<int64_t> integers, NeedIntegers(bias, "bias"));
  SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer x_scale, NeedConstant(inputs[1], "scale"));
  SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer w_scale, NeedConstant(inputs[4], "scale"));
  if (static_cast<int64_t>(integers.size()) != channels || x_scale->elements() != 1 ||
      (w_scale->elements() != 1 && w_scale->elements() != channels)) {
    return InvalidArgument(
        fmt::format("a bias of {} for {} channels", Describe(*bias.constant), channels));
  }
  std::vector<float> floats;
  for (int64_t channel = 0; channel < channels; ++channel) {
    const double scale =
        double{x_scale->Float(0)} * double{w_scale->Float(w_scale->elements() == 1 ? 0 : channel)};
    floats.push_back(static_cast<float>(static_cast<double>(integers[channel]) * scale));
  }
  return std::optional(std::move(floats));
}

// Integers less their zero-point, exactly: a quantizer's of scale 1.
Result<Value> Centered(const Value& value, const Value& zero_point, int64_t axis, const char* what,
                       GraphBuilder& builder) {
  SIGNUM_RETURN_IF_ERROR(NeedBytes(value, what));
  SIGNUM_ASSIGN_OR_RETURN(const Quantization quantization,
                          ReadQuantization(Value::Of(Constant::OfFloats({}, {1.0f})), zero_point,
                                           value.sizes, axis, value.type));
  return Dequantize(value, quantization, builder);
}

// The largest magnitude that a sum over all of a constant's elements with the same index
// of `axis` may have, each times 1.
double LargestSum(const Constant& constant, int axis) {
  int64_t inner = 1;
  for (int i = axis + 1; i < constant.rank(); ++i) inner *= constant.sizes[i];
  const int64_t count = constant.sizes[axis];
  std::vector<double> sums(static_cast<size_t>(count));
  for (int64_t i = 0; i < constant.elements(); ++i) {
    sums[i / inner % count] += std::abs(constant.Float(i));
  }
  return sums.empty() ? 0 : *std::max_element(sums.begin(), sums.end());
}

// The largest magnitude of bytes less a zero-point.
double LargestByte(const Value& value, const Value& zero_point) {
  const IntegerRange range = RangeOf(value.type);
  std::vector<int64_t> zero_points = {0};
  if (zero_point.is_constant()) zero_points = zero_point.constant->Integers();
  int64_t largest = 0;
  for (const int64_t zero : zero_points) {
    largest = std::max({largest, range.highest - zero, zero - range.lowest});
  }
  return static_cast<double>(largest);
}

// Integers are a node's floats: exact while they are small enough.
Value Accumulated(Value sums, double largest, GraphBuilder& builder) {
  sums.type = ElementType::kInt32;
  if (largest > kExactIntegers) {
    builder.Note(fmt::format(
        "its int32 results are kept as floats, which hold every integer up to 2^24; for some "
        "inputs they reach {:.0f} and are rounded",
        largest));
  }
  return sums;
}

}  // namespace

Outputs ImportQuantizeLinear(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("saturate");  // of 8-bit floats
  SIGNUM_ASSIGN_OR_RETURN(const int64_t axis, ReadAxis(node));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t output_type, node.Int("output_dtype", 0));
  const Value& zero_point = InputOr(inputs, 2);
  ElementType type = zero_point.absent() ? ElementType::kUint8 : zero_point.type;
  if (zero_point.absent() && output_type != 0) {
    SIGNUM_ASSIGN_OR_RETURN(type, ToElementType(output_type));
  }
  SIGNUM_ASSIGN_OR_RETURN(const Quantization quantization,
                          ReadQuantization(inputs[1], zero_point, inputs[0].sizes, axis, type));
  SIGNUM_ASSIGN_OR_RETURN(const Value x, builder.AsNode(inputs[0]));
  return One(Quantize(GraphBuilder::Decoded(x), quantization, type, builder));
}

Outputs ImportDequantizeLinear(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const int64_t axis, ReadAxis(node));
  const Value& x = inputs[0];
  SIGNUM_RETURN_IF_ERROR(NeedIntegerType(x, "input"));
  // A constant may be anything but a weight: MakeLayerWeight is strict about scales.
  SIGNUM_ASSIGN_OR_RETURN(
      const Quantization quantization,
      ReadQuantization(inputs[1], InputOr(inputs, 2), x.sizes, axis, x.type, x.is_constant()));
  return One(Dequantize(x, quantization, builder));
}

Outputs ImportQLinearConv(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  if (inputs[1].is_constant() && inputs[1].constant->elements() != 1) {
    return Unsupported("has an input with several scales");
  }
  if (inputs[3].rank() < 1) return InvalidArgument("its weight has no axes");
  SIGNUM_ASSIGN_OR_RETURN(const auto bias, ReadIntegerBias(inputs, inputs[3].sizes[0]));
  SIGNUM_ASSIGN_OR_RETURN(const Value x, DequantizedInput(inputs, 0, 1, "input", builder));
  if (!inputs[3].is_constant()) return Unsupported("its weight is computed by the network");
  SIGNUM_ASSIGN_OR_RETURN(const Value weight, DequantizedInput(inputs, 3, 0, "weight", builder));
  SIGNUM_ASSIGN_OR_RETURN(const Value y, Convolve(node, x, weight, bias, builder));
  return One(QuantizedOutput(y, inputs[6], inputs[7], 1, builder));
}

Outputs ImportQLinearMatMul(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  // Scales of rows on the left, of columns on the right.
  SIGNUM_ASSIGN_OR_RETURN(const Value a, DequantizedInput(inputs, 0, -2, "input", builder));
  SIGNUM_ASSIGN_OR_RETURN(const Value b, DequantizedInput(inputs, 3, -1, "input", builder));
  const std::vector<Value> operands = {a, b};
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Value> product, ImportMatMul(node, operands, builder));
  return One(QuantizedOutput(product[0], inputs[6], inputs[7], -2, builder));
}

Outputs ImportConvInteger(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const Value &x = inputs[0], &weight = inputs[1];
  const Value &x_zero = InputOr(inputs, 2), &weight_zero = InputOr(inputs, 3);
  if (!weight.is_constant()) return Unsupported("its weight is computed by the network");
  SIGNUM_ASSIGN_OR_RETURN(const Value steps, Centered(x, x_zero, 1, "input", builder));
  SIGNUM_ASSIGN_OR_RETURN(const Value codes, Centered(weight, weight_zero, 0, "weight", builder));
  SIGNUM_ASSIGN_OR_RETURN(Value y, Convolve(node, steps, codes, std::nullopt, builder));
  const double largest = LargestSum(*codes.constant, 0) * LargestByte(x, x_zero);
  return std::vector<Value>{Accumulated(std::move(y), largest, builder)};
}

Outputs ImportMatMulInteger(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const Value &a_zero = InputOr(inputs, 2), &b_zero = InputOr(inputs, 3);
  SIGNUM_ASSIGN_OR_RETURN(const Value a, Centered(inputs[0], a_zero, -2, "input", builder));
  SIGNUM_ASSIGN_OR_RETURN(const Value b, Centered(inputs[1], b_zero, -1, "input", builder));
  const std::vector<Value> operands = {a, b};
  SIGNUM_ASSIGN_OR_RETURN(std::vector<Value> product, ImportMatMul(node, operands, builder));
  const bool matrix = b.is_constant() && b.rank() == 2;
  const double sum = matrix ? LargestSum(*b.constant, 1)
                            : static_cast<double>(a.sizes.back()) * LargestByte(inputs[1], b_zero);
  const double largest = sum * LargestByte(inputs[0], a_zero);
  return std::vector<Value>{Accumulated(std::move(product[0]), largest, builder)};
}

}  // namespace signum::onnx
