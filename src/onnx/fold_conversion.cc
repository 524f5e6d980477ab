// Operators that change the type of elements: casts, and quantization.
#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "onnx/fold_operators.h"
#include "onnx/tensor_proto.h"

namespace signum::onnx::fold {
namespace {

using ::onnx::TensorProto;

// A float format narrower than float32.
struct NarrowFloat {
  int digits;  // of the significand
  int lowest;  // the exponent of its smallest number
  float largest;
};
constexpr NarrowFloat kFloat16{11, -24, 65504.0f}, kBfloat16{8, -133, 0x1.FEp127f};

// The nearest number of the format, of two the even one; infinite above its largest.
float RoundedTo(NarrowFloat format, float value) {
  if (!std::isfinite(value) || value == 0) return value;
  const int unit = std::max(std::ilogb(value) - (format.digits - 1), format.lowest);
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(double{value}, -unit)), unit);
  return std::abs(rounded) > format.largest ? std::copysign(INFINITY, value)
                                            : static_cast<float>(rounded);
}

// Cut off towards zero, as in C.
Result<Constant> FloatsToIntegers(const Constant& input, ElementType type) {
  const IntegerRange range = RangeOf(type);
  const auto low = static_cast<double>(range.lowest);
  const double high = static_cast<double>(range.highest) + 1;  // 2^63 for int64
  const auto& floats = std::get<std::vector<float>>(input.data);
  std::vector<int64_t> integers(floats.size());
  for (size_t i = 0; i < floats.size(); ++i) {
    const double whole = std::trunc(static_cast<double>(floats[i]));
    if (!(whole >= low && whole < high)) {
      return InvalidArgument(fmt::format("{} is no {}", floats[i], ElementTypeName(type)));
    }
    integers[i] = static_cast<int64_t>(whole);
  }
  return Constant::OfIntegers(type, input.sizes, integers);
}

Constant ToBools(const Constant& input) {
  std::vector<int64_t> bools(static_cast<size_t>(input.elements()));
  std::visit(
      [&](const auto& values) {
        for (size_t i = 0; i < bools.size(); ++i) bools[i] = values[i] != 0;
      },
      input.data);
  return Constant::OfIntegers(ElementType::kBool, input.sizes, bools);
}

Result<Constant> Cast(const Call& call) {
  if (!call.node.Has("to")) return Corrupt("Cast has no type to cast to");
  SIGNUM_ASSIGN_OR_RETURN(const int64_t to, call.node.Int("to", 0));
  call.node.Ignore("saturate");  // of floats of 8 bits
  SIGNUM_ASSIGN_OR_RETURN(const ElementType type, ToElementType(to));
  SIGNUM_RETURN_IF_ERROR(call.Take(call[0].sizes));
  if (type == ElementType::kBool) return ToBools(call[0]);
  if (type == ElementType::kFloat32) {
    std::vector<float> floats = call[0].Floats();
    if (to == TensorProto::FLOAT16 || to == TensorProto::BFLOAT16) {
      const NarrowFloat format = to == TensorProto::FLOAT16 ? kFloat16 : kBfloat16;
      for (float& value : floats) value = RoundedTo(format, value);
    }
    return Constant::OfFloats(call[0].sizes, std::move(floats));
  }
  if (call[0].is_float()) return FloatsToIntegers(call[0], type);
  return Wrapped(Constant::OfIntegers(type, call[0].sizes, call[0].Integers()));
}

// The scales and zero-points of (De)QuantizeLinear: one of each, or one for each place
// along an axis. Element i has those of place i / inner % count.
struct Quantizers {
  std::vector<float> scales;
  std::vector<int64_t> zero_points;
  int64_t inner = 1;
  size_t PlaceOf(size_t i) const { return i / static_cast<size_t>(inner) % scales.size(); }
};

Result<Quantizers> ReadQuantizers(const Call& call) {
  const Constant& scale = call[1];
  SIGNUM_RETURN_IF_ERROR(CheckFloat(scale));
  int64_t axis = 1;
  if (call.opset() >= 13) {
    SIGNUM_ASSIGN_OR_RETURN(axis, call.node.Int("axis", 1));
  }
  if (call.opset() >= 21) {
    SIGNUM_ASSIGN_OR_RETURN(const int64_t block, call.node.Int("block_size", 0));
    if (block != 0) return Unsupported("quantization in blocks is not supported");
  }
  Quantizers quantizers{scale.Floats(), {}, 1};
  if (scale.rank() > 1) {
    return InvalidArgument(fmt::format("has scales of the sizes {}", SizesText(scale.sizes)));
  }
  if (scale.elements() != 1) {
    SIGNUM_ASSIGN_OR_RETURN(axis, ToAxis(axis, call[0].rank()));
    const AxisView view = AlongAxis(call[0].sizes, axis);
    if (call.opset() < 13 || view.size != scale.elements()) {
      return InvalidArgument(fmt::format("{} scales do not fit axis {} of {}", scale.elements(),
                                         axis, Describe(call[0])));
    }
    quantizers.inner = view.inner;
  }
  quantizers.zero_points.assign(quantizers.scales.size(), 0);
  if (!call.Has(2)) return quantizers;
  if (call[2].is_float() || call[2].elements() != scale.elements()) {
    return InvalidArgument(
        fmt::format("has zero-points {} for scales {}", Describe(call[2]), SizesText(scale.sizes)));
  }
  quantizers.zero_points = call[2].Integers();
  return quantizers;
}

// The type of the zero-point, or that which opset 21 lets a node name, or uint8.
Result<ElementType> QuantizedType(const Call& call) {
  int64_t named = 0;
  if (call.opset() >= 21) {
    SIGNUM_ASSIGN_OR_RETURN(named, call.node.Int("output_dtype", 0));
  }
  if (call.Has(2)) return call[2].type;
  if (named == 0) return ElementType::kUint8;
  return ToElementType(named);
}

Result<Constant> QuantizeLinear(const Call& call) {
  call.node.Ignore("saturate");  // of floats of 8 bits
  SIGNUM_ASSIGN_OR_RETURN(const Quantizers quantizers, ReadQuantizers(call));
  SIGNUM_ASSIGN_OR_RETURN(const ElementType type, QuantizedType(call));
  if (type == ElementType::kFloat32) return Unsupported("quantizes to floats");
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(call[0].sizes));
  const IntegerRange range = RangeOf(type);
  const auto low = static_cast<double>(range.lowest), high = static_cast<double>(range.highest);
  std::vector<int64_t> codes(static_cast<size_t>(count));
  for (size_t i = 0; i < codes.size(); ++i) {
    const size_t place = quantizers.PlaceOf(i);
    const float scaled = call[0].Float(static_cast<int64_t>(i)) / quantizers.scales[place];
    const double code = std::nearbyint(scaled) + static_cast<double>(quantizers.zero_points[place]);
    if (std::isnan(code)) return InvalidArgument("quantizes what is not a number");
    codes[i] = code <= low    ? range.lowest
               : code >= high ? range.highest
                              : static_cast<int64_t>(code);
  }
  return Constant::OfIntegers(type, call[0].sizes, codes);
}

Result<Constant> DequantizeLinear(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const Quantizers quantizers, ReadQuantizers(call));
  if (call[0].is_float()) return InvalidArgument("dequantizes integers, not float32");
  if (call.Has(2)) SIGNUM_RETURN_IF_ERROR(CheckSameType(call[0], call[2]));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(call[0].sizes));
  std::vector<float> values(static_cast<size_t>(count));
  std::visit(
      [&](const auto& codes) {
        for (size_t i = 0; i < values.size(); ++i) {
          const size_t place = quantizers.PlaceOf(i);
          const double code =
              static_cast<double>(codes[i]) - static_cast<double>(quantizers.zero_points[place]);
          values[i] = static_cast<float>(code) * quantizers.scales[place];
        }
      },
      call[0].data);
  return Constant::OfFloats(call[0].sizes, std::move(values));
}

}  // namespace

std::span<const Operator> ConversionOperators() {
  static constexpr Operator kOperators[] = {
      {"Cast", 1, 1, One<Cast>},
      {"DequantizeLinear", 2, 3, One<DequantizeLinear>},
      {"QuantizeLinear", 2, 3, One<QuantizeLinear>},
  };
  return kOperators;
}

}  // namespace signum::onnx::fold
