// Quantizers of ONNX in the terms of the Graph: from floats to integers of 8 bits that
// stand for them, and back. What QuantizeLinear, DequantizeLinear and the QLinear
// operators have in common.
#ifndef SIGNUM_ONNX_QUANTIZE_H_
#define SIGNUM_ONNX_QUANTIZE_H_

#include <cstdint>
#include <vector>

#include "onnx/builder.h"
#include "onnx/value.h"
#include "signum/result.h"

namespace signum::onnx {

// float = scale * (integer - zero_point), with one pair of numbers, or with one for each
// index of `axis`.
struct Quantization {
  std::vector<float> scale;
  std::vector<int64_t> zero_point;  // as many as scales
  int axis = 0;
  bool per_axis() const { return scale.size() > 1; }
};

// The operands of a quantizer of integers of `type` in a tensor of `sizes`; zero_point
// may be absent. `axis` counts where there are several scales, from the end if below 0.
// Scales are finite, and above 0 unless `any_scale`.
Result<Quantization> ReadQuantization(const Value& scale, const Value& zero_point,
                                      const std::vector<int64_t>& sizes, int64_t axis,
                                      ElementType type, bool any_scale = false);

// The integers of `type` (8 bits) that a node's floats become. They keep the floats by an
// encoding; with several scales they are a node's floats themselves.
Result<Value> Quantize(const Value& x, const Quantization& quantization, ElementType type,
                       GraphBuilder& builder);

// The floats that integers stand for, of a constant or of a node. A constant's remember
// what they came from; a node's of 8 bits with one scale are a quantizer's, so that the
// next layer may work on integers.
Result<Value> Dequantize(const Value& integers, const Quantization& quantization,
                         GraphBuilder& builder);

// min(max(x, low), high) of integers that have an encoding; low <= high. Their node is
// then a quantizer, of fewer bits where the bounds are those of its codes.
Result<Value> ClampIntegers(const Value& encoded, int64_t low, int64_t high, GraphBuilder& builder);

// A quantizer of the Graph: codes 0 to 2^bits - 1, values scale * (code - zero_point).
// The value's own node where it holds such values already.
Result<Value> EmitQuantizer(const Value& x, int bits, int64_t zero_point, float scale,
                            GraphBuilder& builder, const std::string& suffix = "");

// An operator on a value and a constant, in this order.
Result<Value> WithConstant(Op op, const Value& x, Constant constant, GraphBuilder& builder,
                           const std::string& suffix);
// Numbers that belong to the indices of one axis, or one number, as a constant for
// elementwise operators on tensors of so many axes.
Constant AlongAxisConstant(std::vector<float> numbers, int axis, int rank);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_QUANTIZE_H_
