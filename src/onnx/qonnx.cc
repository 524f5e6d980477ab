// The operators of QONNX, which quantize floats to floats: scale * (code - zero_point).
// Pappalardo et al., "QONNX: Representing Arbitrary-Precision Quantized Neural Networks",
// 2022; the meaning of every attribute is that of qonnx/custom_op/general/.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "onnx/operators.h"
#include "onnx/quantize.h"

namespace signum::onnx {
namespace {

constexpr float kUnbounded = std::numeric_limits<float>::infinity();

// What integers a quantizer has.
struct Codes {
  int bits = 8;
  bool is_signed = true, narrow = false;

  bool bipolar() const { return bits == 1 && is_signed; }  // -1 and +1
  int64_t lowest() const {
    if (!is_signed) return 0;
    return -(int64_t{1} << (bits - 1)) + (narrow ? 1 : 0);
  }
  int64_t highest() const {
    if (!is_signed) return (int64_t{1} << bits) - (narrow ? 2 : 1);
    return (int64_t{1} << (bits - 1)) - 1;
  }
};

Result<ConstantPointer> ReadScale(const Value& value) {
  SIGNUM_ASSIGN_OR_RETURN(ConstantPointer scale, NeedConstant(value, "scale"));
  if (scale->elements() < 1) return InvalidArgument("its scale is empty");
  for (const float number : scale->Floats()) {
    if (std::isfinite(number) && number > 0) continue;
    return InvalidArgument(fmt::format("a scale of {}", number));
  }
  return scale;
}

// An input of one number, or of several that are equal.
Result<float> ReadNumber(const Value& value, const char* what) {
  SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer constant, NeedConstant(value, what));
  const std::vector<float> numbers = constant->Floats();
  if (numbers.empty()) return InvalidArgument(fmt::format("its {} is empty", what));
  for (const float number : numbers) {
    if (number == numbers[0]) continue;
    return Unsupported(fmt::format("its {} differs between elements", what));
  }
  return numbers[0];
}

Result<int64_t> ReadInteger(const Value& value, const char* what) {
  SIGNUM_ASSIGN_OR_RETURN(const float number, ReadNumber(value, what));
  if (std::abs(number) <= 65536 && number == std::trunc(number)) {
    return static_cast<int64_t>(number);
  }
  return Unsupported(fmt::format("a {} of {}", what, number));
}

Result<int> ReadBits(const Value& value, const char* what) {
  SIGNUM_ASSIGN_OR_RETURN(const int64_t bits, ReadInteger(value, what));
  if (bits >= 1 && bits <= 32) return static_cast<int>(bits);
  return InvalidArgument(fmt::format("a {} of {}", what, bits));
}

Result<std::string> ReadRounding(const OnnxNode& node, const std::string& otherwise) {
  SIGNUM_ASSIGN_OR_RETURN(std::string mode, node.String("rounding_mode", otherwise));
  for (char& c : mode) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return mode == "HALF_EVEN" ? "ROUND" : mode;
}

// A constant's numbers for every element of a tensor of `sizes`, by NumPy's rule.
Result<std::vector<float>> Broadcast(const Constant& constant, const std::vector<int64_t>& sizes,
                                     FoldBudget& budget) {
  const int64_t elements = CheckedProduct(sizes, kMaxTensorElements);
  const size_t missing = sizes.size() - std::min(sizes.size(), constant.sizes.size());
  bool fits = constant.sizes.size() <= sizes.size();
  for (size_t axis = 0; fits && axis < constant.sizes.size(); ++axis) {
    fits = constant.sizes[axis] == 1 || constant.sizes[axis] == sizes[missing + axis];
  }
  if (!fits) {
    return Unsupported(
        fmt::format("{} numbers for a tensor of {}", SizesText(constant.sizes), SizesText(sizes)));
  }
  SIGNUM_RETURN_IF_ERROR(budget.Take(elements));
  std::vector<float> numbers;
  numbers.reserve(static_cast<size_t>(elements));
  for (int64_t i = 0; i < elements; ++i) {
    int64_t rest = i, source = 0, stride = 1;
    for (size_t axis = sizes.size(); axis > missing; --axis) {
      const int64_t own = constant.sizes[axis - 1 - missing];
      if (own > 1) source += rest % sizes[axis - 1] * stride;
      stride *= own;
      rest /= sizes[axis - 1];
    }
    numbers.push_back(constant.Float(source));
  }
  return numbers;
}

// The one axis along which a constant that goes with a tensor of `rank` axes differs;
// 0 where it is one number, nothing where there are several.
std::optional<int> OnlyAxis(const Constant& constant, size_t rank) {
  int axis = 0, count = 0;
  for (size_t i = 0; i < constant.sizes.size(); ++i) {
    if (constant.sizes[i] <= 1) continue;
    axis = static_cast<int>(rank - constant.sizes.size() + i);
    ++count;
  }
  if (count > 1) return std::nullopt;
  return axis;
}

// The code of one number, as a float, and what it stands for: all in floats, as NumPy.
float CodeOf(float x, float scale, float zero_point, const Codes& codes) {
  const float steps = x / scale + zero_point;
  if (codes.bipolar()) return steps >= 0 ? 1.0f : -1.0f;
  const auto lowest = static_cast<float>(codes.lowest());
  const auto highest = static_cast<float>(codes.highest());
  return std::nearbyint(std::clamp(steps, lowest, highest));
}

// Quantizes a constant. Its codes are remembered where they have 8 bits at most.
Result<Value> QuantizeConstant(const Constant& x, const Constant& scale, float zero_point,
                               const Codes& codes, GraphBuilder& builder) {
  const std::vector<float> numbers = x.Floats();
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<float> scales,
                          Broadcast(scale, x.sizes, builder.budget()));
  SIGNUM_RETURN_IF_ERROR(builder.budget().Take(2 * x.elements()));
  std::vector<float> floats;
  std::vector<int64_t> integers;
  const bool keeps_codes =
      codes.bits <= 8 && zero_point == std::trunc(zero_point) && std::abs(zero_point) <= 65536;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!std::isfinite(numbers[i]))
      return InvalidArgument(fmt::format("a value of {}", numbers[i]));
    const float code = CodeOf(numbers[i], scales[i], zero_point, codes);
    floats.push_back((code - zero_point) * scales[i]);
    if (keeps_codes) integers.push_back(static_cast<int64_t>(code));
  }
  Value value = Value::Of(Constant::OfFloats(x.sizes, std::move(floats)));
  const std::optional<int> axis = OnlyAxis(scale, x.sizes.size());
  if (!keeps_codes || !axis) return value;
  const ElementType type = codes.is_signed ? ElementType::kInt8 : ElementType::kUint8;
  QuantizedConstant quantized;
  quantized.codes = std::make_shared<const Constant>(Constant::OfIntegers(type, x.sizes, integers));
  quantized.scale = scale.Floats();
  quantized.zero_point.assign(quantized.scale.size(), static_cast<int64_t>(zero_point));
  quantized.axis = *axis;
  quantized.bits = codes.bits == 1 && !codes.is_signed ? 2 : codes.bits;
  value.quantized = std::make_shared<const QuantizedConstant>(std::move(quantized));
  return value;
}

// A quantizer with one scale whose codes need not be as many as its bits allow: clamps
// what they leave out.
Result<Value> QuantizeTo(const Value& value, float scale, int64_t zero_point, const Codes& codes,
                         GraphBuilder& builder) {
  if (codes.bits > 8) {
    return Unsupported(fmt::format(
        "quantizes a value of the network to {} bits; 1 to 8 are possible", codes.bits));
  }
  if (codes.bipolar()) {
    if (zero_point == 0) return EmitQuantizer(value, 1, 0, scale, builder);
    return Unsupported("quantizes to 1 bit with a zero-point");
  }
  const int bits = std::max(codes.bits, 2);
  const int64_t lowest = codes.is_signed ? -(int64_t{1} << (bits - 1)) : 0;
  const int64_t highest = lowest + (int64_t{1} << bits) - 1;
  if (zero_point < lowest || zero_point > highest) {
    return Unsupported(fmt::format("a zero-point of {}, which is none of the codes {} to {}",
                                   zero_point, lowest, highest));
  }
  ClampOp clamp{-kUnbounded, kUnbounded};
  if (codes.lowest() > lowest) clamp.low = scale * static_cast<float>(codes.lowest() - zero_point);
  if (codes.highest() < highest) {
    clamp.high = scale * static_cast<float>(codes.highest() - zero_point);
  }
  Value x = value;
  if (clamp != ClampOp{-kUnbounded, kUnbounded}) {
    SIGNUM_ASSIGN_OR_RETURN(x, builder.Emit(clamp, {x}, {}, "clamp"));
  }
  if (zero_point % 2 != 0) {
    builder.Note(
        "its zero-point is odd: a value half-way between two codes gets the other one, because "
        "QONNX adds the zero-point before it rounds, and Signum after");
  }
  return EmitQuantizer(x, bits, zero_point - lowest, scale, builder);
}

// With scales that differ: steps, quantized by 1, and back.
Result<Value> QuantizeValue(const Value& x, const Constant& scale, int64_t zero_point,
                            const Codes& codes, GraphBuilder& builder) {
  const std::vector<float> scales = scale.Floats();
  const bool one =
      std::all_of(scales.begin(), scales.end(), [&](float number) { return number == scales[0]; });
  if (one && scale.rank() <= x.rank()) {
    return QuantizeTo(x, scales[0], zero_point, codes, builder);
  }
  SIGNUM_ASSIGN_OR_RETURN(const Value steps, WithConstant(DivideOp{}, x, scale, builder, "steps"));
  SIGNUM_ASSIGN_OR_RETURN(const Value rounded, QuantizeTo(steps, 1.0f, zero_point, codes, builder));
  return WithConstant(MultiplyOp{}, rounded, scale, builder, "scaled");
}

Outputs QuantizeEither(const Value& x, const Constant& scale, float zero_point, const Codes& codes,
                       GraphBuilder& builder) {
  if (x.is_constant()) {
    return One(QuantizeConstant(*x.constant, scale, zero_point, codes, builder));
  }
  if (x.absent()) return Corrupt("lacks its input 0");
  if (x.is_integer()) return Unsupported("quantizes integers");
  if (zero_point != std::trunc(zero_point) || std::abs(zero_point) > 65536) {
    return Unsupported(fmt::format("a zero-point of {}", zero_point));
  }
  return One(QuantizeValue(x, scale, static_cast<int64_t>(zero_point), codes, builder));
}

// Trunc's numbers. Version 1 drops the lowest bits and keeps the scale, so that values
// shrink; version 2 has the scale that the result is to have.
struct Truncation {
  float scale = 1;      // of the result
  float factor = 1;     // that the input is to be multiplied by
  int64_t dropped = 0;  // bits
};

Result<Truncation> ReadTruncation(Inputs inputs, int input_bits, int output_bits) {
  SIGNUM_RETURN_IF_ERROR(ReadScale(inputs[1]));
  SIGNUM_ASSIGN_OR_RETURN(const float scale, ReadNumber(inputs[1], "scale"));
  Truncation truncation{.scale = scale};
  if (inputs.size() == 6) {
    SIGNUM_RETURN_IF_ERROR(ReadScale(inputs[4]));
    SIGNUM_ASSIGN_OR_RETURN(truncation.scale, ReadNumber(inputs[4], "output scale"));
    const double ratio = double{truncation.scale} / scale;
    truncation.dropped = std::lround(std::log2(ratio));
    truncation.factor =
        static_cast<float>(std::ldexp(ratio, -static_cast<int>(truncation.dropped)));
  } else {
    truncation.dropped = input_bits - output_bits;
    truncation.factor = std::ldexp(1.0f, -static_cast<int>(truncation.dropped));
  }
  if (truncation.dropped >= 0 && truncation.dropped <= 31) return truncation;
  return Unsupported(fmt::format("drops {} bits", truncation.dropped));
}

}  // namespace

Outputs ImportQuant(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const int64_t is_signed, node.Int("signed", 1));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t narrow, node.Int("narrow", 1));
  SIGNUM_ASSIGN_OR_RETURN(const std::string rounding, ReadRounding(node, "ROUND"));
  SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer scale, ReadScale(inputs[1]));
  SIGNUM_ASSIGN_OR_RETURN(const float zero_point, ReadNumber(inputs[2], "zero-point"));
  SIGNUM_ASSIGN_OR_RETURN(const int bits, ReadBits(inputs[3], "bit width"));
  if (rounding != "ROUND") {
    return Unsupported(fmt::format("rounding mode {}; only ROUND is possible", rounding));
  }
  const Codes codes{bits, is_signed != 0, narrow != 0};
  if (!codes.bipolar() && codes.lowest() >= codes.highest()) {
    return InvalidArgument("has codes of one number");
  }
  return QuantizeEither(inputs[0], *scale, zero_point, codes, builder);
}

Outputs ImportBipolarQuant(const OnnxNode&, Inputs inputs, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer scale, ReadScale(inputs[1]));
  return QuantizeEither(inputs[0], *scale, 0.0f, Codes{.bits = 1}, builder);
}

// floor(y / 2^t) of an integer y is round((y - (2^t - 1) / 2) / 2^t), which never is a tie.
Outputs ImportTrunc(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const bool second = inputs.size() == 6;
  SIGNUM_ASSIGN_OR_RETURN(const std::string rounding, ReadRounding(node, "FLOOR"));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t narrow, node.Int("narrow", 0));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t stated_sign, node.Int("signed", 1));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t zero_point, ReadInteger(inputs[2], "zero-point"));
  SIGNUM_ASSIGN_OR_RETURN(const int input_bits, ReadBits(inputs[3], "input bit width"));
  SIGNUM_ASSIGN_OR_RETURN(const int output_bits,
                          ReadBits(inputs[second ? 5 : 4], "output bit width"));
  SIGNUM_ASSIGN_OR_RETURN(const Truncation truncation,
                          ReadTruncation(inputs, input_bits, output_bits));
  if (zero_point != 0) return Unsupported("truncates with a zero-point");
  if (rounding != "FLOOR" && (rounding != "ROUND" || truncation.dropped > 0)) {
    return Unsupported(fmt::format("rounding mode {}; only FLOOR is possible", rounding));
  }
  if (inputs[0].is_integer()) return Unsupported("truncates integers");
  SIGNUM_ASSIGN_OR_RETURN(Value x, builder.AsNode(inputs[0]));
  Codes codes{output_bits, stated_sign != 0, narrow != 0};
  // Version 1 does not tell: its results have the sign of what it is given.
  if (!second) codes.is_signed = !NeverNegative(builder.graph())[x.node];
  if (codes.bipolar()) return Unsupported("truncates to 1 bit");
  if (truncation.factor != 1.0f) {
    SIGNUM_ASSIGN_OR_RETURN(
        x, WithConstant(MultiplyOp{}, x, Constant::OfFloats({}, {truncation.factor}), builder,
                        "shrunk"));
  }
  if (truncation.dropped > 0) {
    const double half = 0.5 - std::ldexp(0.5, -static_cast<int>(truncation.dropped));
    const auto offset = static_cast<float>(truncation.scale * half);
    SIGNUM_ASSIGN_OR_RETURN(
        x, WithConstant(SubtractOp{}, x, Constant::OfFloats({}, {offset}), builder, "floored"));
  }
  return One(QuantizeTo(x, truncation.scale, 0, codes, builder));
}

}  // namespace signum::onnx
