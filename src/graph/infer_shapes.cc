#include <fmt/format.h>

#include <algorithm>
#include <array>
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

// The size of a window's output along one axis, or an error.
Result<int64_t> Slide(const char* axis, int64_t size, int before, int after, int kernel, int stride,
                      int dilation) {
  const auto outside = [](int n, int lowest) { return n < lowest || n > kLargestWindow; };
  if (outside(kernel, 1) || outside(stride, 1) || outside(dilation, 1) || outside(before, 0) ||
      outside(after, 0)) {
    return InvalidArgument(
        fmt::format("{} window of kernel {}, stride {}, dilation {}, padding {}+{} is not valid",
                    axis, kernel, stride, dilation, before, after));
  }
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
    if (op.groups < 1 || in[0][1] % op.groups != 0 || op.output_channels < 1 ||
        op.output_channels % op.groups != 0) {
      return InvalidArgument(fmt::format("{} groups do not divide {} input and {} output channels",
                                         op.groups, in[0][1], op.output_channels));
    }
    return Window2d(in[0], op.window, op.output_channels);
  }
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
  Result<Shape> operator()(const MultiplyOp&) const { return Broadcast(in[0], in[1]); }
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
                                   [&](const AddOp&) { return count == 2; },
                                   [&](const MultiplyOp&) { return count == 2; },
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
