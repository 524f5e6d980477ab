#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <utility>

#include "graph/graph.h"

namespace signum {
namespace {

// Of a window's sizes; it keeps what is computed from them far from overflow.
constexpr int kLargestWindow = 1 << 16;

// Shapes whose axes are a batch of feature maps.
Status NeedMaps(const Shape& shape) {
  if (shape.rank() == 4) return {};
  return InvalidArgument(fmt::format(
      "needs a feature map (batch, channels, height, width), got shape {}", shape.ToString()));
}

constexpr const char* kAxisNames[] = {"height", "width"};

// A window's sizes along one axis.
Status CheckWindow(const char* axis, int before, int after, int kernel, int stride, int dilation) {
  const auto outside = [](int n, int lowest) { return n < lowest || n > kLargestWindow; };
  if (outside(kernel, 1) || outside(stride, 1) || outside(dilation, 1) || outside(before, 0) ||
      outside(after, 0)) {
    return InvalidArgument(
        fmt::format("{} window of kernel {}, stride {}, dilation {}, padding {}+{} is not valid",
                    axis, kernel, stride, dilation, before, after));
  }
  return {};
}

Status CheckGroups(int64_t inputs, int64_t outputs, int groups) {
  if (groups >= 1 && inputs % groups == 0 && outputs >= 1 && outputs % groups == 0) return {};
  return InvalidArgument(fmt::format("{} groups do not divide {} input and {} output channels",
                                     groups, inputs, outputs));
}

// The size of a window's output along one axis, or an error.
Result<int64_t> Slide(const char* axis, int64_t size, int before, int after, int kernel, int stride,
                      int dilation) {
  SIGNUM_RETURN_IF_ERROR(CheckWindow(axis, before, after, kernel, stride, dilation));
  const int64_t reach = int64_t{dilation} * (kernel - 1) + 1;
  const int64_t room = size + before + after - reach;
  if (room < 0) {
    return InvalidArgument(
        fmt::format("the {} of {} with padding is smaller than the window's {}; use a larger input",
                    axis, size + before + after, reach));
  }
  return room / stride + 1;
}

Result<Shape> Window2d(const Shape& x, const Window& window, int64_t channels) {
  SIGNUM_RETURN_IF_ERROR(NeedMaps(x));
  const Padding& pad = window.padding;
  SIGNUM_ASSIGN_OR_RETURN(const int64_t height,
                          Slide("height", x[2], pad.top, pad.bottom, window.kernel[0],
                                window.stride[0], window.dilation[0]));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t width,
                          Slide("width", x[3], pad.left, pad.right, window.kernel[1],
                                window.stride[1], window.dilation[1]));
  return Shape{x[0], channels, height, width};
}

// Whether each of `outputs` windows along an axis has a tap in the map.
bool EveryWindowTouches(int64_t size, int before, int kernel, int stride, int dilation,
                        int64_t outputs) {
  const auto touches = [&](int64_t output) {
    const int64_t start = output * stride - before;
    const int64_t tap = start < 0 ? (-start + dilation - 1) / dilation : 0;  // the first not before
    return tap < kernel && start + tap * dilation < size;
  };
  // Windows that start in the map touch it; beyond it, the last lies farthest.
  for (int64_t output = 0; output < outputs && output * stride < before; ++output) {
    if (!touches(output)) return false;
  }
  return touches(outputs - 1);
}

Result<Shape> Pool(const Shape& x, const Window& window) {
  SIGNUM_ASSIGN_OR_RETURN(Shape out, Window2d(x, window, x.rank() == 4 ? x[1] : 0));
  // A window that lies in the padding alone would have no largest value.
  const std::array<int, 2> before = {window.padding.top, window.padding.left};
  for (int axis = 0; axis < 2; ++axis) {
    if (!EveryWindowTouches(x[2 + axis], before[axis], window.kernel[axis], window.stride[axis],
                            window.dilation[axis], out[2 + axis])) {
      return InvalidArgument("a pooling window lies in the padding alone; use less padding");
    }
  }
  return out;
}

Result<Shape> Broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<int64_t> sizes(rank);
  for (int i = 0; i < rank; ++i) {
    const int64_t m = i < rank - a.rank() ? 1 : a[i - (rank - a.rank())];
    const int64_t n = i < rank - b.rank() ? 1 : b[i - (rank - b.rank())];
    if (m != n && m != 1 && n != 1) {
      return InvalidArgument(
          fmt::format("shapes {} and {} do not match", a.ToString(), b.ToString()));
    }
    sizes[i] = std::max(m, n);
  }
  return Shape(std::move(sizes));
}

Result<Shape> ConvTranspose(const Shape& x, const ConvTransposeOp& op) {
  SIGNUM_RETURN_IF_ERROR(NeedMaps(x));
  SIGNUM_RETURN_IF_ERROR(CheckGroups(x[1], op.output_channels, op.groups));
  const Padding& pad = op.window.padding;
  const std::array<int, 2> before = {pad.top, pad.left}, after = {pad.bottom, pad.right};
  Shape out{x[0], op.output_channels, 0, 0};
  for (int axis = 0; axis < 2; ++axis) {
    const int kernel = op.window.kernel[axis], stride = op.window.stride[axis];
    const int dilation = op.window.dilation[axis], extra = op.output_padding[axis];
    SIGNUM_RETURN_IF_ERROR(
        CheckWindow(kAxisNames[axis], before[axis], after[axis], kernel, stride, dilation));
    const int64_t reach = int64_t{dilation} * (kernel - 1) + 1;
    const int64_t size = (x[2 + axis] - 1) * stride + reach - before[axis] - after[axis] + extra;
    if (extra < 0 || extra > kLargestWindow || size < 1) {
      return InvalidArgument(
          fmt::format("output padding {} gives an output {} of {}", extra, kAxisNames[axis], size));
    }
    out[2 + axis] = size;
  }
  return out;
}

Result<Shape> MatMul(const Shape& a, const Shape& b) {
  const int rank = a.rank();
  if (rank < 3 || b.rank() != rank || a[rank - 1] != b[rank - 2]) {
    return InvalidArgument(
        fmt::format("shapes {} and {} do not multiply", a.ToString(), b.ToString()));
  }
  Shape left = a, right = b;
  left[rank - 2] = left[rank - 1] = right[rank - 2] = right[rank - 1] = 1;
  SIGNUM_ASSIGN_OR_RETURN(Shape out, Broadcast(left, right));
  out[rank - 2] = a[rank - 2];
  out[rank - 1] = b[rank - 1];
  return out;
}

Result<Shape> Reduce(const Shape& x, const ReduceMeanOp& op) {
  for (size_t i = 0; i < op.axes.size(); ++i) {
    const int lowest = i == 0 ? 1 : op.axes[i - 1] + 1;
    if (op.axes[i] < lowest || op.axes[i] >= x.rank()) {
      return InvalidArgument(fmt::format("axes {} of a value of shape {}: they must rise from 1",
                                         fmt::join(op.axes, ", "), x.ToString()));
    }
  }
  std::vector<int64_t> sizes;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool reduced = std::find(op.axes.begin(), op.axes.end(), axis) != op.axes.end();
    if (!reduced || op.keep_axes) sizes.push_back(reduced ? 1 : x[axis]);
  }
  return Shape(std::move(sizes));
}

Result<Shape> Transpose(const Shape& x, const TransposeOp& op) {
  std::vector<int> axes(x.rank());
  std::iota(axes.begin(), axes.end(), 0);
  if (!std::is_permutation(axes.begin(), axes.end(), op.permutation.begin(),
                           op.permutation.end()) ||
      op.permutation[0] != 0) {
    return InvalidArgument(fmt::format("{} is no order of the axes of {} with the batch first",
                                       fmt::join(op.permutation, ", "), x.ToString()));
  }
  std::vector<int64_t> sizes;
  for (const int axis : op.permutation) sizes.push_back(x[axis]);
  return Shape(std::move(sizes));
}

Result<Shape> Reshape(const Shape& x, const std::vector<int64_t>& target) {
  if (target.empty()) return InvalidArgument("cannot reshape to no axes; keep the batch axis");
  std::vector<int64_t> sizes = target;
  int open = -1;
  int64_t known = 1;
  for (int i = 0; i < static_cast<int>(sizes.size()); ++i) {
    if (sizes[i] == 0 && i < x.rank()) sizes[i] = x[i];
    if (sizes[i] == -1 && open < 0) {
      open = i;
      continue;
    }
    if (sizes[i] < 1 || sizes[i] > kMaxTensorElements / known) {
      return InvalidArgument(fmt::format("cannot reshape to a size of {}", sizes[i]));
    }
    known *= sizes[i];
  }
  if (open >= 0) sizes[open] = x.elements() / known;
  Shape shape(std::move(sizes));
  if (CheckedElements(shape) != x.elements()) {
    return InvalidArgument(fmt::format("cannot reshape {} elements of shape {} to {}", x.elements(),
                                       x.ToString(), shape.ToString()));
  }
  return shape;
}

Result<Shape> Concat(std::span<const Shape> inputs, int axis) {
  Shape shape = inputs[0];
  if (axis < 0 || axis >= shape.rank()) {
    return InvalidArgument(fmt::format("axis {} is outside shape {}", axis, shape.ToString()));
  }
  for (size_t i = 1; i < inputs.size(); ++i) {
    Shape rest = inputs[i];
    if (rest.rank() == shape.rank()) {
      const int64_t size = rest[axis];
      rest[axis] = shape[axis];
      if (rest == shape) {
        shape[axis] += size;
        continue;
      }
    }
    return InvalidArgument(fmt::format("inputs {} and {} differ outside axis {}", shape.ToString(),
                                       inputs[i].ToString(), axis));
  }
  return shape;
}

Result<Shape> Pad(const Shape& x, const PadOp& op) {
  if (static_cast<int>(op.before.size()) != x.rank() ||
      static_cast<int>(op.after.size()) != x.rank()) {
    return InvalidArgument(fmt::format("pads {} and {} axes of a value of shape {}",
                                       op.before.size(), op.after.size(), x.ToString()));
  }
  Shape shape = x;
  for (int i = 0; i < x.rank(); ++i) {
    // Bounding each side by the largest tensor keeps the sum from overflowing.
    const auto too_large = [](int64_t n) {
      return n < -kMaxTensorElements || n > kMaxTensorElements;
    };
    if (too_large(op.before[i]) || too_large(op.after[i])) {
      return InvalidArgument("padding is too large");
    }
    shape[i] += op.before[i] + op.after[i];
  }
  return shape;
}

// Visits one node, whose number of inputs has been checked.
struct Inference {
  std::span<const Shape> in;
  int64_t batch;

  Result<Shape> operator()(const InputOp& op) const {
    Shape shape = op.shape;
    if (shape.rank() < 1 || shape[0] != 1) {
      return InvalidArgument("its shape must start with a batch size of 1, is " + shape.ToString());
    }
    shape[0] = batch;
    return shape;
  }
  Result<Shape> operator()(const NormalizeOp& op) const {
    SIGNUM_RETURN_IF_ERROR(NeedMaps(in[0]));
    if (static_cast<int64_t>(op.mean.size()) != in[0][1] || op.deviation.size() != op.mean.size()) {
      return InvalidArgument(fmt::format("has {} means and {} deviations for {} channels",
                                         op.mean.size(), op.deviation.size(), in[0][1]));
    }
    return in[0];
  }
  Result<Shape> operator()(const ConvolutionOp& op) const {
    SIGNUM_RETURN_IF_ERROR(NeedMaps(in[0]));
    SIGNUM_RETURN_IF_ERROR(CheckGroups(in[0][1], op.output_channels, op.groups));
    return Window2d(in[0], op.window, op.output_channels);
  }
  Result<Shape> operator()(const ConstantOp& op) const { return (*this)(InputOp{op.shape}); }
  Result<Shape> operator()(const ConvTransposeOp& op) const { return ConvTranspose(in[0], op); }
  Result<Shape> operator()(const LinearOp& op) const {
    if (in[0].rank() != 2) {
      return InvalidArgument("needs shape (batch, features), got " + in[0].ToString() +
                             "; flatten first");
    }
    return Shape{in[0][0], op.output_features};
  }
  Result<Shape> operator()(const BatchNormOp&) const { return Channels(); }
  Result<Shape> operator()(const PReluOp&) const { return Channels(); }
  Result<Shape> operator()(const ActivationOp&) const { return in[0]; }
  Result<Shape> operator()(const ClampOp&) const { return in[0]; }
  Result<Shape> operator()(const MaxPoolOp& op) const { return Pool(in[0], op.window); }
  Result<Shape> operator()(const AveragePoolOp& op) const {
    if (op.window.dilation != std::array<int, 2>{1, 1}) {
      return InvalidArgument("average pooling has no dilation");
    }
    return Pool(in[0], op.window);
  }
  Result<Shape> operator()(const GlobalAveragePoolOp&) const {
    SIGNUM_RETURN_IF_ERROR(NeedMaps(in[0]));
    return Shape{in[0][0], in[0][1], 1, 1};
  }
  Result<Shape> operator()(const AddOp&) const { return Broadcast(in[0], in[1]); }
  Result<Shape> operator()(const SubtractOp&) const { return Broadcast(in[0], in[1]); }
  Result<Shape> operator()(const MultiplyOp&) const { return Broadcast(in[0], in[1]); }
  Result<Shape> operator()(const DivideOp&) const { return Broadcast(in[0], in[1]); }
  Result<Shape> operator()(const MatMulOp&) const { return MatMul(in[0], in[1]); }
  Result<Shape> operator()(const ReduceMeanOp& op) const { return Reduce(in[0], op); }
  Result<Shape> operator()(const TransposeOp& op) const { return Transpose(in[0], op); }
  Result<Shape> operator()(const ConcatOp& op) const { return Concat(in, op.axis); }
  Result<Shape> operator()(const FlattenOp&) const {
    return Shape{in[0][0], in[0].elements() / in[0][0]};
  }
  Result<Shape> operator()(const ReshapeOp& op) const { return Reshape(in[0], op.shape); }
  Result<Shape> operator()(const PadOp& op) const { return Pad(in[0], op); }
  Result<Shape> operator()(const UpsampleOp& op) const {
    SIGNUM_RETURN_IF_ERROR(NeedMaps(in[0]));
    if (op.scale < 1 || op.scale > 1024) {
      return InvalidArgument(fmt::format("scale {} is outside 1 to 1024", op.scale));
    }
    return Shape{in[0][0], in[0][1], in[0][2] * op.scale, in[0][3] * op.scale};
  }
  Result<Shape> operator()(const SoftmaxOp& op) const {
    if (op.axis < 0 || op.axis >= in[0].rank()) {
      return InvalidArgument(fmt::format("axis {} is outside shape {}", op.axis, in[0].ToString()));
    }
    return in[0];
  }
  Result<Shape> operator()(const DropoutOp&) const { return in[0]; }
  Result<Shape> operator()(const QuantizeOp&) const { return in[0]; }

 private:
  Result<Shape> Channels() const {
    if (in[0].rank() >= 2) return in[0];
    return InvalidArgument("needs a channel axis, got shape " + in[0].ToString());
  }
};

Status CheckInputCount(const Node& node) {
  const size_t count = node.inputs.size();
  const bool fits = std::visit(Overloaded{
                                   [&](const InputOp&) { return count == 0; },
                                   [&](const ConstantOp&) { return count == 0; },
                                   [&](const AddOp&) { return count == 2; },
                                   [&](const SubtractOp&) { return count == 2; },
                                   [&](const MultiplyOp&) { return count == 2; },
                                   [&](const DivideOp&) { return count == 2; },
                                   [&](const MatMulOp&) { return count == 2; },
                                   [&](const ConcatOp&) { return count >= 1; },
                                   [&](const auto&) { return count == 1; },
                               },
                               node.op);
  if (fits) return {};
  return InvalidArgument(fmt::format("has {} inputs", count));
}

}  // namespace

Result<Shape> InferShape(const Node& node, std::span<const Shape> inputs, int64_t batch) {
  const auto place = [&] { return fmt::format("node '{}' ({})", node.name, OpName(node.op)); };
  if (Status count = CheckInputCount(node); !count) {
    return tl::unexpected(count.error().In(place()));
  }
  Result<Shape> shape = std::visit(Inference{inputs, batch}, node.op);
  if (!shape) return tl::unexpected(shape.error().In(place()));
  if (CheckedElements(*shape) < 0) {
    return InvalidArgument(
        fmt::format("{}: impossible output shape {}", place(), shape->ToString()));
  }
  return shape;
}

Result<std::vector<Shape>> InferShapes(const Graph& graph, int64_t batch) {
  std::vector<Shape> shapes;
  shapes.reserve(graph.size());
  std::vector<Shape> inputs;
  for (const Node& node : graph.nodes()) {
    inputs.clear();
    for (NodeId input : node.inputs) inputs.push_back(shapes[input]);
    SIGNUM_ASSIGN_OR_RETURN(Shape shape, InferShape(node, inputs, batch));
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

}  // namespace signum
