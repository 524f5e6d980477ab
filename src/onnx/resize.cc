// Resize and Upsample: integer factors with the sampling that the Graph has become
// its Upsample; any other is, along each axis, a product with a matrix of weights.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "onnx/operators.h"

namespace signum::onnx {
namespace {

struct Sampling {
  std::string mode = "nearest";                 // nearest, linear, cubic
  std::string coordinates = "half_pixel";       // coordinate_transformation_mode
  std::string rounding = "round_prefer_floor";  // nearest_mode
  float cubic_coefficient = -0.75f;
  bool exclude_outside = false;
  float extrapolation = 0.0f;
};

// One axis: its sizes, the factor between them, and the part of the input to take.
struct AxisSampling {
  int64_t inputs = 1, outputs = 1;
  double scale = 1;
  double roi_start = 0, roi_end = 1;
};

struct AxisWeights {
  std::vector<float> matrix;  // {outputs, inputs}; empty where the axis stays as it is
  std::vector<bool> outside;  // outputs that lie outside the input; empty where none do
};

// Where an output lies in the input's coordinates (ONNX, Resize).
double Coordinate(const Sampling& sampling, const AxisSampling& axis, int64_t output) {
  const double x = static_cast<double>(output), scale = axis.scale;
  const double last_input = static_cast<double>(axis.inputs - 1);
  const double width = scale * static_cast<double>(axis.inputs);
  if (sampling.coordinates == "align_corners") {
    return axis.outputs == 1 ? 0.0 : x * last_input / (width - 1);
  }
  if (sampling.coordinates == "asymmetric") return x / scale;
  if (sampling.coordinates == "tf_half_pixel_for_nn") return (x + 0.5) / scale;
  if (sampling.coordinates == "tf_crop_and_resize") {
    const double part = axis.roi_end - axis.roi_start;
    const double inside =
        axis.outputs == 1 ? part * last_input / 2 : x * part * last_input / (width - 1);
    return inside + axis.roi_start * last_input;
  }
  if (sampling.coordinates == "pytorch_half_pixel" && axis.outputs == 1) return 0.0;
  return (x + 0.5) / scale - 0.5;
}

double Round(const std::string& rounding, double x) {
  if (rounding == "floor") return std::floor(x);
  if (rounding == "ceil") return std::ceil(x);
  if (rounding == "round_prefer_ceil") return std::floor(x + 0.5);
  return std::ceil(x - 0.5);
}

// The weights of the taps from floor(x) + first on, for the share `t` of the way to the
// next (R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981).
std::array<double, 4> CubicWeights(double t, double a) {
  const auto near = [&](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [&](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

// Adds the weights of one output to its row.
void AddTaps(const Sampling& sampling, double x, int64_t inputs, float* row) {
  const auto index = [&](int64_t i) { return std::clamp<int64_t>(i, 0, inputs - 1); };
  if (sampling.mode == "nearest") {
    row[index(static_cast<int64_t>(Round(sampling.rounding, x)))] = 1.0f;
    return;
  }
  const double floor = std::floor(x), t = x - floor;
  std::array<double, 4> weights = {0, 1 - t, t, 0};
  if (sampling.mode == "cubic") weights = CubicWeights(t, sampling.cubic_coefficient);
  const int64_t first = static_cast<int64_t>(floor) - 1;
  double sum = 1;
  if (sampling.exclude_outside) {
    sum = 0;
    for (int tap = 0; tap < 4; ++tap) {
      if (first + tap < 0 || first + tap >= inputs) weights[tap] = 0;
      sum += weights[tap];
    }
  }
  for (int tap = 0; tap < 4; ++tap) {
    row[index(first + tap)] += static_cast<float>(weights[tap] / sum);
  }
}

Result<AxisWeights> MakeWeights(const Sampling& sampling, const AxisSampling& axis,
                                GraphBuilder& builder) {
  const int64_t elements = CheckedProduct({axis.outputs, axis.inputs}, kMaxTensorElements);
  if (elements < 1) return InvalidArgument("an output without elements, or too large a one");
  SIGNUM_RETURN_IF_ERROR(builder.budget().Take(elements));
  AxisWeights weights{std::vector<float>(static_cast<size_t>(elements)),
                      std::vector<bool>(static_cast<size_t>(axis.outputs))};
  for (int64_t output = 0; output < axis.outputs; ++output) {
    const double x = Coordinate(sampling, axis, output);
    if (!(std::fabs(x) <= 1e9)) return InvalidArgument("samples far outside its input");
    if (sampling.coordinates == "tf_crop_and_resize" &&
        (x < 0 || x > static_cast<double>(axis.inputs - 1))) {
      weights.outside[output] = true;
      continue;
    }
    AddTaps(sampling, x, axis.inputs, weights.matrix.data() + output * axis.inputs);
  }
  return weights;
}

// Whether every input is repeated `factor` times.
bool Repeats(const AxisWeights& weights, const AxisSampling& axis, int64_t factor) {
  if (weights.matrix.empty()) return factor == 1;
  for (int64_t output = 0; output < axis.outputs; ++output) {
    if (weights.matrix[output * axis.inputs + output / factor] != 1.0f) return false;
  }
  return true;
}

// The Graph's own operator for both spatial axes, where it does the same.
std::optional<UpsampleOp> AsUpsample(const Sampling& sampling,
                                     const std::vector<AxisSampling>& axes,
                                     const std::vector<AxisWeights>& weights) {
  if (axes.size() != 4) return std::nullopt;
  const int64_t factor = axes[2].outputs / axes[2].inputs;
  for (int axis = 0; axis < 4; ++axis) {
    const int64_t wanted = axis < 2 ? 1 : factor;
    const bool whole = axes[axis].outputs == wanted * axes[axis].inputs &&
                       axes[axis].scale == static_cast<double>(wanted);
    if (!whole || factor < 1 || factor > 1024) return std::nullopt;
  }
  if (sampling.mode == "linear") {
    const bool half_pixel =
        sampling.coordinates == "half_pixel" || (sampling.coordinates == "pytorch_half_pixel" &&
                                                 axes[2].outputs > 1 && axes[3].outputs > 1);
    if (!half_pixel || sampling.exclude_outside) return std::nullopt;
    return UpsampleOp{.scale = static_cast<int>(factor), .mode = UpsampleMode::kBilinear};
  }
  if (sampling.mode != "nearest" || !Repeats(weights[2], axes[2], factor) ||
      !Repeats(weights[3], axes[3], factor)) {
    return std::nullopt;
  }
  return UpsampleOp{.scale = static_cast<int>(factor), .mode = UpsampleMode::kNearest};
}

// What lies outside gets the extrapolation value, whatever the axis it is outside of.
Result<Value> AddExtrapolation(const Value& value, float extrapolation,
                               const std::vector<AxisWeights>& weights, GraphBuilder& builder) {
  const auto any = [](const AxisWeights& axis) {
    return std::find(axis.outside.begin(), axis.outside.end(), true) != axis.outside.end();
  };
  if (extrapolation == 0 || std::none_of(weights.begin(), weights.end(), any)) return value;
  const int64_t elements = CheckedProduct(value.sizes, kMaxTensorElements);
  if (elements < 0) return Unsupported("has too large an output");
  SIGNUM_RETURN_IF_ERROR(builder.budget().Take(elements));
  std::vector<float> added(static_cast<size_t>(elements));
  for (int64_t i = 0; i < elements; ++i) {
    int64_t rest = i;
    for (int axis = value.rank() - 1; axis >= 0; --axis) {
      const std::vector<bool>& outside = weights[axis].outside;
      if (!outside.empty() && outside[rest % value.sizes[axis]]) added[i] = extrapolation;
      rest /= value.sizes[axis];
    }
  }
  const Constant constant = Constant::OfFloats(value.sizes, std::move(added));
  SIGNUM_ASSIGN_OR_RETURN(const auto terms, builder.Aligned({value, Value::Of(constant)}));
  return builder.Emit(AddOp{}, terms, {}, "extrapolation");
}

// An axis that keeps its size and scale is left alone, however the rest is sampled.
bool StaysAsItIs(const AxisSampling& axis) {
  return axis.outputs == axis.inputs && axis.scale == 1 && axis.roi_start == 0 && axis.roi_end == 1;
}

Result<Value> Sample(Value x, const Sampling& sampling, const std::vector<AxisSampling>& axes,
                     GraphBuilder& builder) {
  if (!StaysAsItIs(axes[0])) {
    SIGNUM_ASSIGN_OR_RETURN(x, builder.Unbatched(x));
  }
  std::vector<AxisWeights> weights;
  for (const AxisSampling& axis : axes) {
    if (StaysAsItIs(axis)) {
      weights.emplace_back();
      continue;
    }
    SIGNUM_ASSIGN_OR_RETURN(AxisWeights made, MakeWeights(sampling, axis, builder));
    weights.push_back(std::move(made));
  }
  if (x.batched) {
    if (const auto upsample = AsUpsample(sampling, axes, weights)) {
      if (upsample->scale == 1) return x;
      return builder.Emit(*upsample, {x});
    }
  }
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    if (weights[axis].matrix.empty()) continue;
    SIGNUM_ASSIGN_OR_RETURN(x, builder.AlongAxis(x, static_cast<int>(axis), weights[axis].matrix,
                                                 axes[axis].outputs, "resize"));
  }
  return AddExtrapolation(x, sampling.extrapolation, weights, builder);
}

Result<Sampling> ReadSampling(const OnnxNode& node) {
  Sampling sampling;
  SIGNUM_ASSIGN_OR_RETURN(sampling.mode, node.String("mode", "nearest"));
  if (sampling.mode == "bilinear") sampling.mode = "linear";  // Upsample of opset 1
  if (node.op() == "Upsample" || node.opset() < 11) {
    sampling.coordinates = "asymmetric";
    sampling.rounding = "floor";
  } else {
    SIGNUM_ASSIGN_OR_RETURN(sampling.coordinates,
                            node.String("coordinate_transformation_mode", sampling.coordinates));
    SIGNUM_ASSIGN_OR_RETURN(sampling.rounding, node.String("nearest_mode", sampling.rounding));
    SIGNUM_ASSIGN_OR_RETURN(sampling.cubic_coefficient, node.Float("cubic_coeff_a", -0.75f));
    SIGNUM_ASSIGN_OR_RETURN(const int64_t exclude, node.Int("exclude_outside", 0));
    sampling.exclude_outside = exclude != 0;
    SIGNUM_ASSIGN_OR_RETURN(sampling.extrapolation, node.Float("extrapolation_value", 0.0f));
  }
  const auto one_of = [](const std::string& word, std::initializer_list<const char*> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (!one_of(sampling.mode, {"nearest", "linear", "cubic"}) ||
      !one_of(sampling.coordinates, {"half_pixel", "pytorch_half_pixel", "align_corners",
                                     "asymmetric", "tf_crop_and_resize", "tf_half_pixel_for_nn"}) ||
      !one_of(sampling.rounding, {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"})) {
    return Unsupported(fmt::format("samples by '{}', '{}', '{}'", sampling.mode,
                                   sampling.coordinates, sampling.rounding));
  }
  return sampling;
}

// The sizes of the output from scales (one for each axis, above 0).
Result<std::vector<AxisSampling>> FromScales(const Value& x, const std::vector<float>& scales) {
  if (scales.size() != x.sizes.size()) {
    return InvalidArgument(
        fmt::format("{} scales for a value of {}", scales.size(), SizesText(x.sizes)));
  }
  std::vector<AxisSampling> axes;
  for (size_t i = 0; i < scales.size(); ++i) {
    // In floats, as ONNX Runtime: 10 times 0.9 is 9, though the float is less than 0.9.
    const float outputs = std::floor(static_cast<float>(x.sizes[i]) * scales[i]);
    if (!(outputs >= 1 && outputs <= 1e9f)) {
      return InvalidArgument(fmt::format("scales {} elements by {}", x.sizes[i], scales[i]));
    }
    axes.push_back({x.sizes[i], static_cast<int64_t>(outputs), double{scales[i]}});
  }
  return axes;
}

Result<std::vector<AxisSampling>> FromSizes(const Value& x, const std::vector<int64_t>& sizes) {
  if (sizes.size() != x.sizes.size()) {
    return InvalidArgument(
        fmt::format("{} sizes for a value of {}", sizes.size(), SizesText(x.sizes)));
  }
  std::vector<AxisSampling> axes;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 1 || sizes[i] > 1000000000) {
      return InvalidArgument(fmt::format("a size of {}", sizes[i]));
    }
    const double scale = static_cast<double>(sizes[i]) / static_cast<double>(x.sizes[i]);
    axes.push_back({x.sizes[i], sizes[i], scale});
  }
  return axes;
}

Status ReadRoi(const Value& roi, std::vector<AxisSampling>& axes) {
  SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer numbers, NeedConstant(roi, "roi"));
  if (numbers->elements() != static_cast<int64_t>(2 * axes.size())) {
    return InvalidArgument(fmt::format("a roi of {}", Describe(*numbers)));
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    axes[i].roi_start = numbers->Float(static_cast<int64_t>(i));
    axes[i].roi_end = numbers->Float(static_cast<int64_t>(axes.size() + i));
  }
  return {};
}

bool HasNumbers(const Value& value) {
  return !value.absent() && !(value.is_constant() && value.constant->elements() == 0);
}

}  // namespace

Outputs ImportResize(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const Value& x = inputs[0];
  SIGNUM_ASSIGN_OR_RETURN(const Sampling sampling, ReadSampling(node));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t antialias, node.Int("antialias", 0));
  SIGNUM_ASSIGN_OR_RETURN(const std::string policy,
                          node.String("keep_aspect_ratio_policy", "stretch"));
  if (antialias != 0 || policy != "stretch" || node.Has("axes")) {
    return Unsupported("has antialias, axes or keep_aspect_ratio_policy");
  }
  const bool old = node.opset() < 11;
  const Value& scales = InputOr(inputs, old ? 1 : 2);
  const Value& sizes = InputOr(inputs, 3);
  if (x.rank() == 0) return InvalidArgument("resizes a scalar");
  std::vector<AxisSampling> axes;
  if (HasNumbers(sizes)) {
    SIGNUM_ASSIGN_OR_RETURN(const std::vector<int64_t> numbers, NeedIntegers(sizes, "sizes"));
    SIGNUM_ASSIGN_OR_RETURN(axes, FromSizes(x, numbers));
  } else {
    SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer numbers, NeedConstant(scales, "scales"));
    SIGNUM_ASSIGN_OR_RETURN(axes, FromScales(x, numbers->Floats()));
  }
  if (sampling.coordinates == "tf_crop_and_resize") {
    SIGNUM_RETURN_IF_ERROR(ReadRoi(InputOr(inputs, 1), axes));
  }
  SIGNUM_ASSIGN_OR_RETURN(Value y, Sample(GraphBuilder::Decoded(x), sampling, axes, builder));
  if (x.is_integer() && sampling.mode != "nearest") return Unsupported("interpolates integers");
  y.type = x.type;
  y.encoding = x.encoding;
  return std::vector<Value>{std::move(y)};
}

Outputs ImportUpsample(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const Value& x = inputs[0];
  SIGNUM_ASSIGN_OR_RETURN(const Sampling sampling, ReadSampling(node));
  std::vector<float> scales;
  if (node.opset() < 9) {
    SIGNUM_ASSIGN_OR_RETURN(scales, node.Floats("scales", {}));
  } else {
    SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer numbers,
                            NeedConstant(InputOr(inputs, 1), "scales"));
    scales = numbers->Floats();
  }
  if (x.is_integer() || x.rank() == 0) return Unsupported("resizes integers or a scalar");
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<AxisSampling> axes, FromScales(x, scales));
  SIGNUM_ASSIGN_OR_RETURN(Value y, Sample(x, sampling, axes, builder));
  return std::vector<Value>{std::move(y)};
}

}  // namespace signum::onnx
