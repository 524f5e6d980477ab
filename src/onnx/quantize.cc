#include "onnx/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "base/check.h"
#include "onnx/operators.h"

namespace signum::onnx {
namespace {

// Zero-points along an axis: each takes a quantizer of the whole value.
constexpr size_t kMostZeroPoints = 16;

bool IsByte(ElementType type) { return type == ElementType::kInt8 || type == ElementType::kUint8; }

// A quantizer of the Graph counts its codes from 0, int8 from -128.
int64_t CodeOf(int64_t integer, ElementType type) { return integer - RangeOf(type).lowest; }

// Nodes looked at to find where a value was quantized.
constexpr size_t kFarthestQuantizer = 32;

// Whether a node's values are already those that such a quantizer gives: what only moves
// values leaves them as they were quantized, and 0 is one of them.
bool IsQuantized(const Graph& graph, NodeId id, const QuantizeOp& op, float scale) {
  std::vector<NodeId> sources = {id};
  for (size_t i = 0; i < sources.size(); ++i) {
    const Node& node = graph.node(sources[i]);
    if (const auto* quantize = std::get_if<QuantizeOp>(&node.op)) {
      if (*quantize != op || node.Find("scale")->floats()[0] != scale) return false;
      continue;
    }
    if (node.inputs.empty() || !MovesValues(node.op)) return false;
    sources.insert(sources.end(), node.inputs.begin(), node.inputs.end());
    if (sources.size() > kFarthestQuantizer) return false;
  }
  return true;
}

Status CheckScales(const std::vector<float>& scales, bool any) {
  for (const float scale : scales) {
    if (std::isfinite(scale) && (any || scale > 0)) continue;
    return InvalidArgument(fmt::format("a scale of {}", scale));
  }
  return {};
}

Status CheckZeroPoints(const std::vector<int64_t>& zero_points, ElementType type) {
  const IntegerRange range = RangeOf(type);
  for (const int64_t zero_point : zero_points) {
    if (zero_point >= range.lowest && zero_point <= range.highest) continue;
    return InvalidArgument(
        fmt::format("a zero-point of {} for {} values", zero_point, ElementTypeName(type)));
  }
  return {};
}

std::vector<float> AsFloats(const std::vector<int64_t>& integers) {
  return {integers.begin(), integers.end()};
}

// Calls visit(element, index of its scale) for all elements.
template <typename Visit>
void ForEachElement(const std::vector<int64_t>& sizes, const Quantization& quantization,
                    int64_t elements, const Visit& visit) {
  int64_t inner = 1;
  for (size_t axis = quantization.axis + 1; axis < sizes.size(); ++axis) inner *= sizes[axis];
  const auto count = static_cast<int64_t>(quantization.scale.size());
  for (int64_t i = 0; i < elements; ++i) visit(i, count == 1 ? 0 : i / inner % count);
}

Value DequantizeConstant(const Value& integers, const Quantization& quantization) {
  const Constant& codes = *integers.constant;
  std::vector<float> floats(static_cast<size_t>(codes.elements()));
  ForEachElement(codes.sizes, quantization, codes.elements(), [&](int64_t i, int64_t scale) {
    const auto code = static_cast<double>(codes.Integer(i) - quantization.zero_point[scale]);
    floats[i] = static_cast<float>(code * quantization.scale[scale]);
  });
  Value value = Value::Of(Constant::OfFloats(codes.sizes, std::move(floats)));
  value.quantized = std::make_shared<const QuantizedConstant>(
      QuantizedConstant{integers.constant, quantization.scale, quantization.zero_point,
                        quantization.axis, IsByte(codes.type) ? 8 : 32});
  return value;
}

// Integers with a scale for each index of an axis: quantized by 1 after a division. A
// half rounds to an even number before the zero-point is added, so every zero-point takes
// a quantizer of its own, and a mask picks its part.
Result<Value> QuantizePerAxis(const Value& x, const Quantization& quantization, ElementType type,
                              GraphBuilder& builder) {
  const std::set<int64_t> zero_points(quantization.zero_point.begin(),
                                      quantization.zero_point.end());
  if (zero_points.size() > kMostZeroPoints) {
    return Unsupported(fmt::format("has {} different zero-points along an axis; {} are possible",
                                   zero_points.size(), kMostZeroPoints));
  }
  const int rank = x.rank(), axis = quantization.axis;
  SIGNUM_ASSIGN_OR_RETURN(
      const Value steps,
      WithConstant(DivideOp{}, x, AlongAxisConstant(quantization.scale, axis, rank), builder,
                   "steps"));
  Value sum;
  for (const int64_t zero_point : zero_points) {
    SIGNUM_ASSIGN_OR_RETURN(
        Value part, EmitQuantizer(steps, 8, CodeOf(zero_point, type), 1.0f, builder, "round"));
    if (zero_point != 0) {
      SIGNUM_ASSIGN_OR_RETURN(
          part,
          WithConstant(AddOp{}, part, Constant::OfFloats({}, {static_cast<float>(zero_point)}),
                       builder, "zero_point"));
    }
    if (zero_points.size() > 1) {
      std::vector<float> mask;
      for (const int64_t other : quantization.zero_point) mask.push_back(other == zero_point);
      SIGNUM_ASSIGN_OR_RETURN(
          part, WithConstant(MultiplyOp{}, part, AlongAxisConstant(std::move(mask), axis, rank),
                             builder, "mask"));
    }
    if (sum.absent()) {
      sum = part;
    } else {
      SIGNUM_ASSIGN_OR_RETURN(sum, builder.Emit(AddOp{}, {sum, part}, {}, "integers"));
    }
  }
  sum.type = type;
  return sum;
}

}  // namespace

Constant AlongAxisConstant(std::vector<float> numbers, int axis, int rank) {
  if (numbers.size() == 1) return Constant::OfFloats({}, std::move(numbers));
  std::vector<int64_t> sizes(static_cast<size_t>(rank), 1);
  sizes[axis] = static_cast<int64_t>(numbers.size());
  return Constant::OfFloats(std::move(sizes), std::move(numbers));
}

Result<Value> WithConstant(Op op, const Value& x, Constant constant, GraphBuilder& builder,
                           const std::string& suffix) {
  SIGNUM_ASSIGN_OR_RETURN(const auto operands,
                          builder.Aligned({x, Value::Of(std::move(constant))}));
  return builder.Emit(std::move(op), operands, {}, suffix);
}

Result<Value> EmitQuantizer(const Value& x, int bits, int64_t zero_point, float scale,
                            GraphBuilder& builder, const std::string& suffix) {
  const QuantizeOp op{.bits = bits, .zero_point = static_cast<int>(zero_point)};
  if (bits > 1 && IsQuantized(builder.graph(), x.node, op, scale)) return x;
  GraphBuilder::Parameters parameters;
  parameters.emplace("scale", Tensor::Filled({1}, scale));
  return builder.Emit(op, {x}, std::move(parameters), suffix);
}

Result<Quantization> ReadQuantization(const Value& scale, const Value& zero_point,
                                      const std::vector<int64_t>& sizes, int64_t axis,
                                      ElementType type, bool any_scale) {
  Quantization quantization;
  SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer scales, NeedConstant(scale, "scale"));
  SIGNUM_ASSIGN_OR_RETURN(quantization.zero_point, NeedIntegers(zero_point, "zero-point"));
  if (!scales->is_float()) return InvalidArgument("its scale is " + Describe(*scales));
  quantization.scale = scales->Floats();
  if (zero_point.absent()) quantization.zero_point = {0};
  const size_t count = std::max(quantization.scale.size(), quantization.zero_point.size());
  // One of either may go with several of the other.
  if (quantization.scale.size() == 1) quantization.scale.resize(count, quantization.scale[0]);
  if (quantization.zero_point.size() == 1) {
    quantization.zero_point.resize(count, quantization.zero_point[0]);
  }
  if (quantization.scale.size() != count || quantization.zero_point.size() != count) {
    return InvalidArgument(fmt::format("{} scales and {} zero-points", quantization.scale.size(),
                                       quantization.zero_point.size()));
  }
  SIGNUM_RETURN_IF_ERROR(CheckScales(quantization.scale, any_scale));
  SIGNUM_RETURN_IF_ERROR(CheckZeroPoints(quantization.zero_point, type));
  if (count == 1) return quantization;
  SIGNUM_ASSIGN_OR_RETURN(quantization.axis, AxisOf(axis, static_cast<int>(sizes.size())));
  if (sizes[quantization.axis] != static_cast<int64_t>(count) || count == 0) {
    return InvalidArgument(fmt::format("{} scales for axis {} of a tensor of {}", count,
                                       quantization.axis, SizesText(sizes)));
  }
  return quantization;
}

Result<Value> Quantize(const Value& x, const Quantization& quantization, ElementType type,
                       GraphBuilder& builder) {
  if (!IsByte(type)) {
    return Unsupported(
        fmt::format("quantizes to {}; int8 and uint8 are possible", ElementTypeName(type)));
  }
  if (quantization.per_axis()) return QuantizePerAxis(x, quantization, type, builder);
  const int64_t zero_point = quantization.zero_point[0];
  const float scale = quantization.scale[0];
  SIGNUM_ASSIGN_OR_RETURN(Value y, EmitQuantizer(x, 8, CodeOf(zero_point, type), scale, builder));
  y.type = type;
  y.encoding = IntegerEncoding{scale, zero_point};
  return y;
}

Result<Value> Dequantize(const Value& integers, const Quantization& quantization,
                         GraphBuilder& builder) {
  if (integers.is_constant()) {
    SIGNUM_RETURN_IF_ERROR(builder.budget().Take(integers.constant->elements()));
    return DequantizeConstant(integers, quantization);
  }
  const float scale = quantization.scale[0];
  const int64_t zero_point = quantization.zero_point[0];
  const bool one = !quantization.per_axis();
  if (one && integers.encoding == IntegerEncoding{scale, zero_point}) {
    return GraphBuilder::Decoded(integers);
  }
  SIGNUM_ASSIGN_OR_RETURN(Value x, builder.AsNode(integers));
  x = GraphBuilder::Decoded(x);
  const auto all = [](const auto& numbers, auto number) {
    return std::all_of(numbers.begin(), numbers.end(), [&](auto n) { return n == number; });
  };
  const int rank = x.rank(), axis = quantization.axis;
  if (!all(quantization.zero_point, int64_t{0})) {
    Constant zero_points = AlongAxisConstant(AsFloats(quantization.zero_point), axis, rank);
    SIGNUM_ASSIGN_OR_RETURN(
        x, WithConstant(SubtractOp{}, x, std::move(zero_points), builder, "less_zero_point"));
  }
  if (!all(quantization.scale, 1.0f)) {
    SIGNUM_ASSIGN_OR_RETURN(
        x, WithConstant(MultiplyOp{}, x, AlongAxisConstant(quantization.scale, axis, rank), builder,
                        "scaled"));
  }
  if (!one || !IsByte(integers.type)) return x;
  return EmitQuantizer(x, 8, CodeOf(zero_point, integers.type), scale, builder);
}

Result<Value> ClampIntegers(const Value& encoded, int64_t low, int64_t high,
                            GraphBuilder& builder) {
  SIGNUM_CHECK(encoded.encoding && low <= high);
  const IntegerRange range = RangeOf(encoded.type);
  low = std::clamp(low, range.lowest, range.highest);
  high = std::clamp(high, range.lowest, range.highest);
  if (low == range.lowest && high == range.highest) return encoded;
  const auto [scale, zero_point] = *encoded.encoding;
  // What the integers were made of, unless something lies between.
  Value x = GraphBuilder::Decoded(encoded);
  const Node& node = builder.graph().node(encoded.node);
  const QuantizeOp full{.bits = 8,
                        .zero_point = static_cast<int>(CodeOf(zero_point, encoded.type))};
  const auto* quantize = std::get_if<QuantizeOp>(&node.op);
  if (quantize != nullptr && *quantize == full) x.node = node.inputs[0];
  for (int bits = 2; bits < 8; ++bits) {
    const bool holds_zero = zero_point >= low && zero_point <= high;
    if (high - low != (1 << bits) - 1 || !holds_zero) continue;
    SIGNUM_ASSIGN_OR_RETURN(x, EmitQuantizer(x, bits, zero_point - low, scale, builder));
    x.type = encoded.type;
    x.encoding = encoded.encoding;
    return x;
  }
  const ClampOp clamp{scale * static_cast<float>(low - zero_point),
                      scale * static_cast<float>(high - zero_point)};
  SIGNUM_ASSIGN_OR_RETURN(x, builder.Emit(clamp, {x}, {}, "clamp"));
  SIGNUM_ASSIGN_OR_RETURN(x, EmitQuantizer(x, 8, full.zero_point, scale, builder));
  x.type = encoded.type;
  x.encoding = encoded.encoding;
  return x;
}

}  // namespace signum::onnx
