// Convolutions and transposed ones. The Graph's have two spatial axes: with one, the
// feature map gets a height of 1; with three, depth joins the channels, and the weights
// of the channels so made hold the kernel's slices (and zeros).
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "onnx/layer.h"
#include "onnx/operators.h"

namespace signum::onnx {
namespace {

// Of the numbers of a window: far from where their sums overflow.
constexpr int64_t kLargestNumber = std::numeric_limits<int16_t>::max();

Status NeedSpatialAxes(const Value& x) {
  if (x.rank() >= 3 && x.rank() <= 5) return {};
  return Unsupported(
      fmt::format("works on a value of {}; feature maps have one to three "
                  "axes besides batch and channels",
                  SizesText(x.sizes)));
}

std::vector<int64_t> SpatialSizes(const std::vector<int64_t>& sizes) {
  return {sizes.begin() + 2, sizes.end()};
}

// The same elements under other sizes.
Value WithSizes(const Value& value, std::vector<int64_t> sizes) {
  Constant floats = *value.constant;
  floats.sizes = sizes;
  Value resized = Value::Of(std::move(floats));
  if (value.quantized != nullptr) {
    auto quantized = std::make_shared<QuantizedConstant>(*value.quantized);
    Constant codes = *quantized->codes;
    codes.sizes = std::move(sizes);
    quantized->codes = std::make_shared<const Constant>(std::move(codes));
    resized.quantized = std::move(quantized);
  }
  return resized;
}

// A window without its first axis; or with an axis of size 1 in front.
SpatialWindow Without(SpatialWindow window) {
  for (auto* numbers :
       {&window.kernel, &window.stride, &window.dilation, &window.before, &window.after}) {
    numbers->erase(numbers->begin());
  }
  return window;
}
SpatialWindow WithUnit(SpatialWindow window) {
  for (auto* ones : {&window.kernel, &window.stride, &window.dilation}) {
    ones->insert(ones->begin(), 1);
  }
  for (auto* zeros : {&window.before, &window.after}) zeros->insert(zeros->begin(), 0);
  return window;
}

// Output depth d_out of a window reads input depth d_out stride - before + tap dilation:
// calls visit(d_out, d_in, tap) for all that lie in the map.
template <typename Visit>
Status ForEachDepth(const SpatialWindow& window, int64_t inputs, int64_t outputs,
                    const Visit& visit) {
  constexpr int64_t kDeepest = 4096;
  if (inputs > kDeepest || outputs > kDeepest) {
    return Unsupported(fmt::format("convolves over a depth of {}; {} is possible",
                                   std::max(inputs, outputs), kDeepest));
  }
  for (int64_t output = 0; output < outputs; ++output) {
    for (int64_t tap = 0; tap < window.kernel[0]; ++tap) {
      const int64_t input = output * window.stride[0] - window.before[0] + tap * window.dilation[0];
      if (input >= 0 && input < inputs) visit(output, input, tap);
    }
  }
  return {};
}

// The weight of a layer whose channels are pairs of channel and depth. `weight` is
// {rows, columns, depth taps, height, width}; element (row, column, tap) goes to
// (row * row_depths + r, column * column_depths + c) for every (r, c, tap) of `pairs`.
struct DepthPair {
  int64_t row = 0, column = 0, tap = 0;
};
Result<Value> JoinDepth(const Value& weight, int64_t row_depths, int64_t column_depths,
                        const std::vector<DepthPair>& pairs, GraphBuilder& builder) {
  const std::vector<int64_t>& from = weight.sizes;
  const std::vector<int64_t> sizes = {from[0] * row_depths, from[1] * column_depths, from[3],
                                      from[4]};
  const int64_t elements = CheckedProduct(sizes, kMaxTensorElements);
  if (elements < 0) return Unsupported("has too large a depth");
  SIGNUM_RETURN_IF_ERROR(builder.budget().Take(elements));
  const std::vector<float> kernel = weight.constant->Floats();
  std::vector<float> joined(static_cast<size_t>(elements));
  const int64_t taps = from[2], area = from[3] * from[4];
  for (int64_t row = 0; row < from[0]; ++row) {
    for (int64_t column = 0; column < from[1]; ++column) {
      for (const DepthPair& pair : pairs) {
        const int64_t source = ((row * from[1] + column) * taps + pair.tap) * area;
        const int64_t target =
            ((row * row_depths + pair.row) * sizes[1] + column * column_depths + pair.column) *
            area;
        std::copy_n(kernel.begin() + source, area, joined.begin() + target);
      }
    }
  }
  return Value::Of(Constant::OfFloats(sizes, std::move(joined)));
}

std::optional<std::vector<float>> Repeated(const std::optional<std::vector<float>>& bias,
                                           int64_t times) {
  if (!bias) return std::nullopt;
  std::vector<float> repeated;
  for (const float x : *bias) repeated.insert(repeated.end(), static_cast<size_t>(times), x);
  return repeated;
}

int64_t OutputSize(const SpatialWindow& window, int axis, int64_t size) {
  const int64_t reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
  return (size + window.before[axis] + window.after[axis] - reach) / window.stride[axis] + 1;
}

Result<Value> Convolve2d(const Value& x, const Value& weight,
                         const std::optional<std::vector<float>>& bias, const SpatialWindow& window,
                         int64_t groups, GraphBuilder& builder) {
  ConvolutionOp op{.output_channels = weight.sizes[0], .bias = bias.has_value()};
  op.groups = static_cast<int>(groups);
  SIGNUM_ASSIGN_OR_RETURN(op.window, ToWindow(window));
  SIGNUM_ASSIGN_OR_RETURN(LayerWeight layer, MakeLayerWeight(weight, builder));
  op.weight_quantizer = layer.quantizer;
  GraphBuilder::Parameters parameters;
  parameters.emplace("weight", std::move(layer.weight));
  if (layer.scale) parameters.emplace("weight_scale", *std::move(layer.scale));
  if (bias) parameters.emplace("bias", Tensor({op.output_channels}, *bias));
  return builder.Emit(std::move(op), {x}, std::move(parameters));
}

Result<Value> Convolve3d(const Value& x, const Value& weight,
                         const std::optional<std::vector<float>>& bias, const SpatialWindow& window,
                         int64_t groups, GraphBuilder& builder) {
  const std::vector<int64_t>& in = x.sizes;
  const int64_t depth = in[2], out_depth = OutputSize(window, 0, depth);
  if (out_depth < 1) return InvalidArgument("its window is deeper than the feature map");
  std::vector<DepthPair> pairs;
  SIGNUM_RETURN_IF_ERROR(
      ForEachDepth(window, depth, out_depth, [&](int64_t output, int64_t input, int64_t tap) {
        pairs.push_back({output, input, tap});
      }));
  SIGNUM_ASSIGN_OR_RETURN(const Value joined, JoinDepth(weight, out_depth, depth, pairs, builder));
  SIGNUM_ASSIGN_OR_RETURN(const Value map,
                          builder.Reshaped(x, {in[0], in[1] * depth, in[3], in[4]}, "join_depth"));
  SIGNUM_ASSIGN_OR_RETURN(const Value y, Convolve2d(map, joined, Repeated(bias, out_depth),
                                                    Without(window), groups, builder));
  return builder.Reshaped(y, {in[0], weight.sizes[0], out_depth, y.sizes[2], y.sizes[3]},
                          "split_depth");
}

// A transposed convolution's attributes; `after` may be below 0: then it is cut off the
// padding and added to the output.
struct TransposedWindow {
  SpatialWindow window;
  std::vector<int64_t> output_padding;
};

// Sets the paddings for a wanted output of one axis (ONNX, ConvTranspose).
void PadForOutput(int axis, int64_t input, int64_t wanted, bool same_upper,
                  TransposedWindow& transposed) {
  SpatialWindow& window = transposed.window;
  const int64_t reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
  int64_t total =
      window.stride[axis] * (input - 1) + transposed.output_padding[axis] + reach - wanted;
  if (total < 0) {
    transposed.output_padding[axis] -= total;
    total = 0;
  }
  window.before[axis] = same_upper ? total / 2 : total - total / 2;
  window.after[axis] = total - window.before[axis];
}

Result<TransposedWindow> ReadTransposedWindow(const OnnxNode& node,
                                              const std::vector<int64_t>& input_sizes,
                                              const std::vector<int64_t>& kernel_sizes) {
  TransposedWindow transposed;
  const size_t axes = input_sizes.size();
  SIGNUM_ASSIGN_OR_RETURN(const std::string auto_pad, node.String("auto_pad", "NOTSET"));
  SIGNUM_ASSIGN_OR_RETURN(transposed.window, ReadWindow(node, input_sizes, kernel_sizes));
  SIGNUM_ASSIGN_OR_RETURN(transposed.output_padding,
                          node.Ints("output_padding", std::vector<int64_t>(axes, 0)));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<int64_t> wanted, node.Ints("output_shape", {}));
  if (transposed.output_padding.size() != axes || (!wanted.empty() && wanted.size() != axes)) {
    return InvalidArgument("output_padding and output_shape need a number for each spatial axis");
  }
  for (const int64_t extra : transposed.output_padding) {
    SIGNUM_RETURN_IF_ERROR(WindowNumber(extra, "output_padding"));
  }
  const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
  for (int axis = 0; axis < static_cast<int>(axes); ++axis) {
    if (wanted.empty() && !same) continue;
    const int64_t size =
        wanted.empty() ? input_sizes[axis] * transposed.window.stride[axis] : wanted[axis];
    if (size < 1 || size > kMaxTensorElements) {
      return InvalidArgument(fmt::format("an output of size {}", size));
    }
    PadForOutput(axis, input_sizes[axis], size, auto_pad == "SAME_UPPER", transposed);
  }
  return transposed;
}

Result<Value> Transpose2d(const Value& x, const Value& weight,
                          const std::optional<std::vector<float>>& bias,
                          const TransposedWindow& transposed, int64_t groups,
                          GraphBuilder& builder) {
  ConvTransposeOp op{.output_channels = weight.sizes[1] * groups, .bias = bias.has_value()};
  op.groups = static_cast<int>(groups);
  SIGNUM_ASSIGN_OR_RETURN(op.window, ToWindow(transposed.window));
  for (int axis = 0; axis < 2; ++axis) {
    SIGNUM_ASSIGN_OR_RETURN(op.output_padding[axis],
                            WindowNumber(transposed.output_padding[axis], "output_padding"));
  }
  GraphBuilder::Parameters parameters;
  parameters.emplace("weight", Tensor(Shape(weight.sizes), weight.constant->Floats()));
  if (bias) parameters.emplace("bias", Tensor({op.output_channels}, *bias));
  return builder.Emit(op, {x}, std::move(parameters));
}

Result<Value> Transpose3d(const Value& x, const Value& weight,
                          const std::optional<std::vector<float>>& bias,
                          const TransposedWindow& transposed, int64_t groups,
                          GraphBuilder& builder) {
  const std::vector<int64_t>& in = x.sizes;
  const SpatialWindow& window = transposed.window;
  const int64_t depth = in[2];
  const int64_t reach = window.dilation[0] * (window.kernel[0] - 1) + 1;
  const int64_t out_depth = (depth - 1) * window.stride[0] + reach - window.before[0] -
                            window.after[0] + transposed.output_padding[0];
  if (out_depth < 1) return InvalidArgument("its output has no depth");
  // Who reads whom in a convolution from the output to the input, turned around.
  std::vector<DepthPair> pairs;
  SIGNUM_RETURN_IF_ERROR(
      ForEachDepth(window, out_depth, depth, [&](int64_t input, int64_t output, int64_t tap) {
        pairs.push_back({input, output, tap});
      }));
  SIGNUM_ASSIGN_OR_RETURN(const Value joined, JoinDepth(weight, depth, out_depth, pairs, builder));
  SIGNUM_ASSIGN_OR_RETURN(const Value map,
                          builder.Reshaped(x, {in[0], in[1] * depth, in[3], in[4]}, "join_depth"));
  TransposedWindow flat{Without(window), transposed.output_padding};
  flat.output_padding.erase(flat.output_padding.begin());
  SIGNUM_ASSIGN_OR_RETURN(
      const Value y, Transpose2d(map, joined, Repeated(bias, out_depth), flat, groups, builder));
  return builder.Reshaped(y, {in[0], weight.sizes[1] * groups, out_depth, y.sizes[2], y.sizes[3]},
                          "split_depth");
}

// What Conv and ConvTranspose have in common: a weight that is known, of as many axes as
// the feature map, and groups.
Result<int64_t> CheckLayer(const OnnxNode& node, const Value& x, const Value& weight) {
  SIGNUM_RETURN_IF_ERROR(NeedSpatialAxes(x));
  if (!weight.is_constant()) {
    return Unsupported("its weight is computed by the network; only constant weights are possible");
  }
  if (weight.rank() != x.rank() || weight.constant->elements() < 1) {
    return InvalidArgument(fmt::format("a weight of {} for a value of {}", SizesText(weight.sizes),
                                       SizesText(x.sizes)));
  }
  SIGNUM_ASSIGN_OR_RETURN(const int64_t groups, node.Int("group", 1));
  if (groups >= 1 && groups <= x.sizes[1]) return groups;
  return InvalidArgument(fmt::format("{} groups of {} channels", groups, x.sizes[1]));
}

Result<std::optional<std::vector<float>>> ReadBias(Inputs inputs) {
  const Value& bias = InputOr(inputs, 2);
  if (bias.absent()) return std::optional<std::vector<float>>();
  SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer numbers, NeedConstant(bias, "bias"));
  return std::optional(numbers->Floats());
}

Status CheckBias(const std::optional<std::vector<float>>& bias, int64_t channels) {
  if (!bias || static_cast<int64_t>(bias->size()) == channels) return {};
  return InvalidArgument(fmt::format("a bias of {} for {} channels", bias->size(), channels));
}

std::vector<int64_t> WithHeight(const std::vector<int64_t>& sizes) {
  return {sizes[0], sizes[1], 1, sizes[2]};
}

// A weight that has another number of channels than the value it meets. The output's sizes
// do not depend on that.
void RefuseWeight(const Value& x, const Value& weight, int64_t groups, GraphBuilder& builder) {
  const std::string in_groups = groups == 1 ? "" : fmt::format(" in {} groups", groups);
  builder.Refuse(fmt::format("a weight of {} for a value of {}{}", SizesText(weight.sizes),
                             SizesText(x.sizes), in_groups));
}

}  // namespace

Result<int> WindowNumber(int64_t number, const char* attribute) {
  if (number >= 0 && number <= kLargestNumber) return static_cast<int>(number);
  return InvalidArgument(
      fmt::format("{} of {}; 0 to {} are possible", attribute, number, kLargestNumber));
}

Result<Window> ToWindow(const SpatialWindow& window) {
  SIGNUM_CHECK(window.axes() == 2);
  Window result;
  for (int axis = 0; axis < 2; ++axis) {
    SIGNUM_ASSIGN_OR_RETURN(result.kernel[axis], WindowNumber(window.kernel[axis], "kernel_shape"));
    SIGNUM_ASSIGN_OR_RETURN(result.stride[axis], WindowNumber(window.stride[axis], "strides"));
    SIGNUM_ASSIGN_OR_RETURN(result.dilation[axis],
                            WindowNumber(window.dilation[axis], "dilations"));
  }
  SIGNUM_ASSIGN_OR_RETURN(result.padding.top, WindowNumber(window.before[0], "pads"));
  SIGNUM_ASSIGN_OR_RETURN(result.padding.left, WindowNumber(window.before[1], "pads"));
  SIGNUM_ASSIGN_OR_RETURN(result.padding.bottom, WindowNumber(window.after[0], "pads"));
  SIGNUM_ASSIGN_OR_RETURN(result.padding.right, WindowNumber(window.after[1], "pads"));
  return result;
}

Result<SpatialWindow> ReadWindow(const OnnxNode& node, const std::vector<int64_t>& input_sizes,
                                 const std::vector<int64_t>& kernel_sizes) {
  const size_t axes = input_sizes.size();
  const std::vector<int64_t> ones(axes, 1);
  SpatialWindow window;
  SIGNUM_ASSIGN_OR_RETURN(window.kernel, node.Ints("kernel_shape", kernel_sizes));
  SIGNUM_ASSIGN_OR_RETURN(window.stride, node.Ints("strides", ones));
  SIGNUM_ASSIGN_OR_RETURN(window.dilation, node.Ints("dilations", ones));
  SIGNUM_ASSIGN_OR_RETURN(const std::string auto_pad, node.String("auto_pad", "NOTSET"));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<int64_t> pads,
                          node.Ints("pads", std::vector<int64_t>(2 * axes, 0)));
  if (window.kernel.size() != axes || window.stride.size() != axes ||
      window.dilation.size() != axes || pads.size() != 2 * axes) {
    return InvalidArgument(fmt::format(
        "kernel_shape, strides, dilations and pads do not have the numbers of {} spatial axes",
        axes));
  }
  if (!kernel_sizes.empty() && window.kernel != kernel_sizes) {
    return InvalidArgument(fmt::format("kernel_shape {} for a weight of {}",
                                       SizesText(window.kernel), SizesText(kernel_sizes)));
  }
  for (size_t axis = 0; axis < axes; ++axis) {
    for (const auto& [attribute, number] : {std::pair{"kernel_shape", window.kernel[axis]},
                                            {"strides", window.stride[axis]},
                                            {"dilations", window.dilation[axis]}}) {
      if (number < 1) return InvalidArgument(fmt::format("{} of {}", attribute, number));
      SIGNUM_RETURN_IF_ERROR(WindowNumber(number, attribute));
    }
  }
  for (const int64_t pad : pads) SIGNUM_RETURN_IF_ERROR(WindowNumber(pad, "pads"));
  window.before.assign(pads.begin(), pads.begin() + static_cast<int64_t>(axes));
  window.after.assign(pads.begin() + static_cast<int64_t>(axes), pads.end());
  if (auto_pad == "NOTSET" || auto_pad.empty()) return window;
  if (auto_pad != "VALID" && auto_pad != "SAME_UPPER" && auto_pad != "SAME_LOWER") {
    return InvalidArgument(fmt::format("auto_pad '{}'", auto_pad));
  }
  for (size_t axis = 0; axis < axes; ++axis) {
    window.before[axis] = window.after[axis] = 0;
    if (auto_pad == "VALID") continue;
    const int64_t outputs = (input_sizes[axis] + window.stride[axis] - 1) / window.stride[axis];
    const int64_t reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
    const int64_t total =
        std::max<int64_t>(0, (outputs - 1) * window.stride[axis] + reach - input_sizes[axis]);
    window.before[axis] = auto_pad == "SAME_UPPER" ? total / 2 : total - total / 2;
    window.after[axis] = total - window.before[axis];
  }
  return window;
}

Result<Value> Convolve(const OnnxNode& node, const Value& value, const Value& weight,
                       const std::optional<std::vector<float>>& bias, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const int64_t groups, CheckLayer(node, value, weight));
  SIGNUM_RETURN_IF_ERROR(CheckBias(bias, weight.sizes[0]));
  if (weight.sizes[1] * groups != value.sizes[1]) RefuseWeight(value, weight, groups, builder);
  SIGNUM_ASSIGN_OR_RETURN(const Value x, builder.Batched(value));
  SIGNUM_ASSIGN_OR_RETURN(const SpatialWindow window,
                          ReadWindow(node, SpatialSizes(x.sizes), SpatialSizes(weight.sizes)));
  if (x.rank() == 4) return Convolve2d(x, weight, bias, window, groups, builder);
  if (x.rank() == 5) return Convolve3d(x, weight, bias, window, groups, builder);
  SIGNUM_ASSIGN_OR_RETURN(const Value map, builder.Reshaped(x, WithHeight(x.sizes), "with_height"));
  SIGNUM_ASSIGN_OR_RETURN(const Value y,
                          Convolve2d(map, WithSizes(weight, WithHeight(weight.sizes)), bias,
                                     WithUnit(window), groups, builder));
  return builder.Reshaped(y, {y.sizes[0], y.sizes[1], y.sizes[3]}, "without_height");
}

Outputs ImportConv(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  if (inputs[0].is_integer()) return Unsupported("convolves integers");
  SIGNUM_ASSIGN_OR_RETURN(const auto bias, ReadBias(inputs));
  SIGNUM_ASSIGN_OR_RETURN(Value y, Convolve(node, inputs[0], inputs[1], bias, builder));
  return std::vector<Value>{std::move(y)};
}

Outputs ImportConvTranspose(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  if (inputs[0].is_integer()) return Unsupported("convolves integers");
  const Value& weight = inputs[1];
  SIGNUM_ASSIGN_OR_RETURN(const auto bias, ReadBias(inputs));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t groups, CheckLayer(node, inputs[0], weight));
  SIGNUM_RETURN_IF_ERROR(CheckBias(bias, weight.sizes[1] * groups));
  SIGNUM_ASSIGN_OR_RETURN(const Value x, builder.Batched(inputs[0]));
  if (weight.sizes[0] != x.sizes[1]) RefuseWeight(x, weight, groups, builder);
  SIGNUM_ASSIGN_OR_RETURN(
      TransposedWindow window,
      ReadTransposedWindow(node, SpatialSizes(x.sizes), SpatialSizes(weight.sizes)));
  Result<Value> y;
  if (x.rank() == 4) {
    y = Transpose2d(x, weight, bias, window, groups, builder);
  } else if (x.rank() == 5) {
    y = Transpose3d(x, weight, bias, window, groups, builder);
  } else {
    SIGNUM_ASSIGN_OR_RETURN(const Value map,
                            builder.Reshaped(x, WithHeight(x.sizes), "with_height"));
    window.window = WithUnit(window.window);
    window.output_padding.insert(window.output_padding.begin(), 0);
    y = Transpose2d(map, WithSizes(weight, WithHeight(weight.sizes)), bias, window, groups,
                    builder);
    if (y) y = builder.Reshaped(*y, {y->sizes[0], y->sizes[1], y->sizes[3]}, "without_height");
  }
  if (!y) return tl::unexpected(std::move(y).error());
  return std::vector<Value>{*std::move(y)};
}

}  // namespace signum::onnx
