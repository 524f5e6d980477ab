// Convolutions and linear layers while an ONNX graph is imported: what their weights
// are (floats, or codes with scales), the one way in which Conv, QLinearConv and
// ConvInteger (Gemm, QLinearMatMul and MatMulInteger) become nodes.
#ifndef SIGNUM_ONNX_LAYER_H_
#define SIGNUM_ONNX_LAYER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "graph/graph.h"
#include "onnx/builder.h"
#include "onnx/node.h"
#include "onnx/value.h"
#include "signum/result.h"

namespace signum::onnx {

// A weight in the order of the Graph, output channels first.
struct LayerWeight {
  Tensor weight;  // floats, or codes if there is a quantizer
  std::optional<WeightQuantizer> quantizer;
  std::optional<Tensor> scale;  // of codes: {out} or {1}
};

// `weight` is a constant whose axis 0 is the output channel: its own floats, or, where
// they came from codes (Value::quantized) that fit -128 .. 127 less the zero-point,
// those. Codes and floats of two values a and -a in every output channel become 1 bit.
Result<LayerWeight> MakeLayerWeight(const Value& weight, GraphBuilder& builder);

// The same constant with its axes in another order; what is known of its codes follows.
// An error where `budget` does not hold it.
Result<Value> TransposedConstant(const Value& value, const std::vector<int>& permutation,
                                 FoldBudget& budget);

// What Emit takes of a window's sizes; the error names the attribute.
Result<int> WindowNumber(int64_t number, const char* attribute);

// Conv's attributes for a feature map of `input_sizes` and a kernel of `kernel_sizes`
// (spatial axes alone): one entry for each spatial axis, auto_pad resolved.
struct SpatialWindow {
  std::vector<int64_t> kernel, stride, dilation, before, after;
  int axes() const { return static_cast<int>(kernel.size()); }
};
Result<SpatialWindow> ReadWindow(const OnnxNode& node, const std::vector<int64_t>& input_sizes,
                                 const std::vector<int64_t>& kernel_sizes);
// The Graph's window of two axes; numbers that do not fit an int are refused.
Result<Window> ToWindow(const SpatialWindow& window);

// The convolution of a node's floats `x` with `weight` {out, in / groups, kernel...}, of
// 1, 2 or 3 spatial axes, by the attributes of `node`.
Result<Value> Convolve(const OnnxNode& node, const Value& x, const Value& weight,
                       const std::optional<std::vector<float>>& bias, GraphBuilder& builder);

// x times `weight` {in, out}, over the last axis.
Result<Value> MultiplyWeight(const Value& x, const Value& weight,
                             const std::optional<std::vector<float>>& bias, GraphBuilder& builder);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_LAYER_H_
