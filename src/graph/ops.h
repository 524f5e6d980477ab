// The operators of the IR: one struct per operator, holding its attributes.
// What an operator computes is said here; how, is the business of its readers
// (the trainer, the runtime compiler, the exporters).
//
// Values are tensors whose first axis is the batch. Feature maps are NCHW.
// Named parameters of a node carry the names that PyTorch gives them.
#ifndef SIGNUM_GRAPH_OPS_H_
#define SIGNUM_GRAPH_OPS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/shape.h"

namespace signum {

// Zeros (or another value, see ConvolutionOp) added around a feature map.
struct Padding {
  int top = 0, left = 0, bottom = 0, right = 0;
  static Padding All(int n) { return {n, n, n, n}; }
  bool operator==(const Padding&) const = default;
};

// A window sliding over a feature map; sizes are {vertical, horizontal}.
struct Window {
  std::array<int, 2> kernel{1, 1};
  std::array<int, 2> stride{1, 1};
  std::array<int, 2> dilation{1, 1};
  Padding padding;
  bool operator==(const Window&) const = default;
};

// How a weight is quantized: symmetric, scale times integer code. 1 bit: codes
// -1 and +1, scale alpha, mean |w| unless a method of training has another. 2 to 8 bits: codes
// within +-(2^(bits-1)-1); in 8 bits also -128, which Signum's own quantizer leaves out but other
// tools use.
struct WeightQuantizer {
  int bits = 1;
  bool per_channel = true;  // a scale per output channel; else one per layer
  bool operator==(const WeightQuantizer&) const = default;
};

// The bounds of the codes of a weight of 1 to 8 bits.
constexpr int LowestWeightCode(int bits) {
  return bits == 1 ? -1 : bits == 8 ? -128 : -((1 << (bits - 1)) - 1);
}
constexpr int HighestWeightCode(int bits) { return bits == 1 ? 1 : (1 << (bits - 1)) - 1; }

// The network's input, in the domain that its users hand over: images as floats
// in [0, 1], shape {1, channels, height, width}.
struct InputOp {
  Shape shape;  // with batch size 1
  bool operator==(const InputOp&) const = default;
};

// The same numbers for every image. Parameter: value, of `shape`.
struct ConstantOp {
  Shape shape;  // with batch size 1
  bool operator==(const ConstantOp&) const = default;
};

// (x - mean_c) / deviation_c per channel of an NCHW value.
struct NormalizeOp {
  std::vector<float> mean, deviation;  // deviations are above 0
  bool operator==(const NormalizeOp&) const = default;
};

// Cross-correlation, as every framework's convolution. Parameters: weight
// {out, in / groups, kernel_h, kernel_w}, bias {out} if `bias`; when the weight
// holds codes, also weight_scale {out} or {1}.
struct ConvolutionOp {
  int64_t output_channels = 0;
  Window window;
  int groups = 1;
  bool bias = true;
  // What the padding holds: 0 adds nothing to a sum, also where the input is
  // 1-bit; -1 and +1 pad with that code of a 1-bit input.
  int pad_code = 0;
  std::optional<WeightQuantizer> weight_quantizer;
  bool operator==(const ConvolutionOp&) const = default;
};

// The transpose of a convolution ("deconvolution"): every input pixel adds its
// weighted kernel to the output, whose size along an axis is (size - 1) stride -
// padding + dilation (kernel - 1) + output_padding + 1. Parameters: weight {in,
// out / groups, kernel_h, kernel_w}, bias {out} if `bias`.
struct ConvTransposeOp {
  int64_t output_channels = 0;
  Window window;
  std::array<int, 2> output_padding{0, 0};
  int groups = 1;
  bool bias = true;
  bool operator==(const ConvTransposeOp&) const = default;
};

// y = x W^T + b over the last axis of a {batch, features} value. Parameters:
// weight {out, in}, bias {out} if `bias`, weight_scale as for convolution.
struct LinearOp {
  int64_t output_features = 0;
  bool bias = true;
  std::optional<WeightQuantizer> weight_quantizer;
  bool operator==(const LinearOp&) const = default;
};

// Parameters: weight (gamma), bias (beta), running_mean, running_var, each
// {channels}. Inference: gamma (x - mean) / sqrt(var + epsilon) + beta.
struct BatchNormOp {
  float epsilon = 1e-5f;
  float momentum = 0.1f;  // share of the new batch in the running statistics
  bool operator==(const BatchNormOp&) const = default;
};

enum class ActivationKind : uint8_t {
  kRelu = 0,
  kRelu6 = 1,
  kHardTanh = 2,  // clamp to [-1, 1]
  kTanh = 3,
  kSigmoid = 4,
  kSwish = 5,      // x sigmoid(x)
  kHardSwish = 6,  // x relu6(x + 3) / 6
  kSign = 7,       // -1, 0 or +1; without a gradient. 1-bit values are QuantizeOp's
};

struct ActivationOp {
  ActivationKind kind = ActivationKind::kRelu;
  bool operator==(const ActivationOp&) const = default;
};

// min(max(x, low), high); either bound may be infinite.
struct ClampOp {
  float low = 0, high = 1;
  bool operator==(const ClampOp&) const = default;
};

// max(x, 0) + slope_c min(x, 0). Parameter: weight {channels} or {1}.
struct PReluOp {
  bool operator==(const PReluOp&) const = default;
};

// The largest value of each window; padding never wins.
struct MaxPoolOp {
  Window window;
  bool operator==(const MaxPoolOp&) const = default;
};

// The mean of each window; windows have no dilation.
struct AveragePoolOp {
  Window window;
  bool count_padding = true;  // padding counts as zeros in the mean
  bool operator==(const AveragePoolOp&) const = default;
};

// The mean of each channel: {n, c, h, w} -> {n, c, 1, 1}.
struct GlobalAveragePoolOp {
  bool operator==(const GlobalAveragePoolOp&) const = default;
};

// Two inputs; shapes are equal, or one broadcasts to the other (NumPy's rule).
struct AddOp {
  bool operator==(const AddOp&) const = default;
};
struct SubtractOp {
  bool operator==(const SubtractOp&) const = default;
};
struct MultiplyOp {
  bool operator==(const MultiplyOp&) const = default;
};
struct DivideOp {
  bool operator==(const DivideOp&) const = default;
};

// {n, ..., m, k} times {n, ..., k, p} gives {n, ..., m, p}: two inputs of equal rank,
// 3 or more, whose axes before the last two are equal or broadcast. A product
// with a weight is a LinearOp.
struct MatMulOp {
  bool operator==(const MatMulOp&) const = default;
};

// The mean over `axes` (rising, none of them 0), which stay with size 1 where
// `keep_axes` and vanish else.
struct ReduceMeanOp {
  std::vector<int> axes;
  bool keep_axes = true;
  bool operator==(const ReduceMeanOp&) const = default;
};

// One or more inputs that agree in all but `axis`.
struct ConcatOp {
  int axis = 1;
  bool operator==(const ConcatOp&) const = default;
};

// {n, ...} -> {n, product of the rest}.
struct FlattenOp {
  bool operator==(const FlattenOp&) const = default;
};

// Same elements in row-major order. In `shape` a 0 keeps the input's size of
// that axis and one -1 takes what is left, as in ONNX.
struct ReshapeOp {
  std::vector<int64_t> shape;
  bool operator==(const ReshapeOp&) const = default;
};

// Axis i of the output is axis permutation[i] of the input; the batch stays first.
struct TransposeOp {
  std::vector<int> permutation;
  bool operator==(const TransposeOp&) const = default;
};

// A constant around (or, where negative, cut off) any axis of the value.
struct PadOp {
  std::vector<int64_t> before, after;  // one entry per axis
  float value = 0;
  bool operator==(const PadOp&) const = default;
};

enum class UpsampleMode : uint8_t { kNearest = 0, kBilinear = 1 };

// Height and width times an integer. Bilinear samples at half-pixel centres
// (PyTorch's align_corners=False).
struct UpsampleOp {
  int scale = 2;
  UpsampleMode mode = UpsampleMode::kNearest;
  bool operator==(const UpsampleOp&) const = default;
};

struct SoftmaxOp {
  int axis = 1;
  bool operator==(const SoftmaxOp&) const = default;
};

// Zeroes a share of the elements while training; the identity elsewhere.
struct DropoutOp {
  float probability = 0.5f;
  bool operator==(const DropoutOp&) const = default;
};

// A value quantizer. 2 to 8 bits: q = clamp(round_half_even(x / s) + zero_point,
// 0, 2^bits - 1), value s (q - zero_point). 1 bit: s sign(x - shift_c), and
// sign(0) = +1. Parameters: scale {1}; for 1 bit optionally shift {channels}.
struct QuantizeOp {
  int bits = 8;
  int zero_point = 0;  // 0 for values never below zero, 2^(bits-1) for signed ones
  bool operator==(const QuantizeOp&) const = default;
};

using Op = std::variant<InputOp, NormalizeOp, ConvolutionOp, LinearOp, BatchNormOp, ActivationOp,
                        PReluOp, MaxPoolOp, AveragePoolOp, GlobalAveragePoolOp, AddOp, MultiplyOp,
                        ConcatOp, FlattenOp, ReshapeOp, PadOp, UpsampleOp, SoftmaxOp, DropoutOp,
                        QuantizeOp, ConstantOp, ConvTransposeOp, ClampOp, SubtractOp, DivideOp,
                        MatMulOp, ReduceMeanOp, TransposeOp>;

// "Convolution", "ReLU", ...: for tables, drawings and messages.
std::string OpName(const Op& op);

// Whether the operator only picks, moves and joins elements of its inputs, with
// zeros at most beside them: it does to codes what it does to the values that
// they stand for, if all its inputs have the same codes.
bool MovesValues(const Op& op);

// The weight quantizer slot of an operator that has a weight (convolution,
// linear), else null.
std::optional<WeightQuantizer>* WeightQuantizerSlot(Op& op);
const std::optional<WeightQuantizer>* WeightQuantizerSlot(const Op& op);
// What is in that slot, or null.
const WeightQuantizer* WeightQuantizerOf(const Op& op);

// For std::visit over an Op: Overloaded{[](const ConvolutionOp&) ..., ...}.
template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace signum

#endif  // SIGNUM_GRAPH_OPS_H_
