// Pools and means. Pools of three spatial axes are pools of the last two, then of the
// first: maxima and means, with the counts that ONNX takes, are separable.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "onnx/layer.h"
#include "onnx/operators.h"

namespace signum::onnx {
namespace {

// How a pool's window lies on the map; `overhang` is what ceil_mode adds behind the
// stated padding, and never counts as padding.
struct PoolWindow {
  SpatialWindow window;
  std::vector<int64_t> overhang;
};

Result<PoolWindow> ReadPool(const OnnxNode& node, const Value& x) {
  if (x.rank() < 3 || x.rank() > 5) {
    return Unsupported(fmt::format("pools a value of {}", SizesText(x.sizes)));
  }
  const std::vector<int64_t> sizes(x.sizes.begin() + 2, x.sizes.end());
  PoolWindow pool;
  SIGNUM_ASSIGN_OR_RETURN(pool.window, ReadWindow(node, sizes, {}));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t ceil_mode, node.Int("ceil_mode", 0));
  SpatialWindow& window = pool.window;
  pool.overhang.assign(sizes.size(), 0);
  if (ceil_mode == 0) return pool;
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    const int64_t reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
    const int64_t room = sizes[axis] + window.before[axis] + window.after[axis] - reach;
    if (room < 0) continue;
    int64_t last = (room + window.stride[axis] - 1) / window.stride[axis] * window.stride[axis];
    // A window that would start behind the map and what lies before it is left out.
    if (last >= sizes[axis] + window.before[axis]) last -= window.stride[axis];
    pool.overhang[axis] = std::max<int64_t>(0, last - room);
  }
  return pool;
}

SpatialWindow Axes(const SpatialWindow& window, int first, int count) {
  SpatialWindow part;
  const auto take = [&](const std::vector<int64_t>& numbers) {
    return std::vector<int64_t>(numbers.begin() + first, numbers.begin() + first + count);
  };
  part.kernel = take(window.kernel);
  part.stride = take(window.stride);
  part.dilation = take(window.dilation);
  part.before = take(window.before);
  part.after = take(window.after);
  return part;
}

SpatialWindow UnitAxis() { return {{1}, {1}, {1}, {0}, {0}}; }

SpatialWindow Join(SpatialWindow a, const SpatialWindow& b) {
  const auto append = [](std::vector<int64_t>& to, const std::vector<int64_t>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(a.kernel, b.kernel);
  append(a.stride, b.stride);
  append(a.dilation, b.dilation);
  append(a.before, b.before);
  append(a.after, b.after);
  return a;
}

// Applies a pool of two axes, `pool2d(map, window)`, to a map of one, two or three.
template <typename Pool2d>
Result<Value> PoolAxes(const Value& x, const SpatialWindow& window, GraphBuilder& builder,
                       const Pool2d& pool2d) {
  const std::vector<int64_t>& in = x.sizes;
  if (window.axes() == 2) return pool2d(x, window);
  if (window.axes() == 1) {
    SIGNUM_ASSIGN_OR_RETURN(const Value map, builder.Reshaped(x, {in[0], in[1], 1, in[2]}));
    SIGNUM_ASSIGN_OR_RETURN(const Value y, pool2d(map, Join(UnitAxis(), window)));
    return builder.Reshaped(y, {in[0], in[1], y.sizes[3]});
  }
  SIGNUM_ASSIGN_OR_RETURN(const Value maps,
                          builder.Reshaped(x, {in[0], in[1] * in[2], in[3], in[4]}));
  SIGNUM_ASSIGN_OR_RETURN(const Value flat, pool2d(maps, Axes(window, 1, 2)));
  const int64_t height = flat.sizes[2], width = flat.sizes[3];
  SIGNUM_ASSIGN_OR_RETURN(const Value depths,
                          builder.Reshaped(flat, {in[0], in[1], in[2], height * width}));
  SIGNUM_ASSIGN_OR_RETURN(const Value y, pool2d(depths, Join(Axes(window, 0, 1), UnitAxis())));
  return builder.Reshaped(y, {in[0], in[1], y.sizes[2], height, width});
}

// Zeros around the spatial axes, as an operator of its own.
Result<Value> PadZeros(const Value& x, SpatialWindow& window, GraphBuilder& builder) {
  const auto any = [](const std::vector<int64_t>& numbers) {
    return std::any_of(numbers.begin(), numbers.end(), [](int64_t n) { return n != 0; });
  };
  if (!any(window.before) && !any(window.after)) return x;
  PadOp op{.before = {0, 0}, .after = {0, 0}};
  op.before.insert(op.before.end(), window.before.begin(), window.before.end());
  op.after.insert(op.after.end(), window.after.begin(), window.after.end());
  window.before.assign(window.before.size(), 0);
  window.after.assign(window.after.size(), 0);
  return builder.Emit(std::move(op), {x}, {}, "pad");
}

void AddOverhang(PoolWindow& pool) {
  for (size_t axis = 0; axis < pool.overhang.size(); ++axis) {
    pool.window.after[axis] += pool.overhang[axis];
  }
}

// The value as images with channels and an area: {n, c, h, w}.
Result<Value> AsMaps(const Value& value, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const Value x, builder.Batched(value));
  if (x.rank() < 3) return Unsupported(fmt::format("pools a value of {}", SizesText(x.sizes)));
  if (x.rank() == 4) return x;
  int64_t area = 1;
  for (int axis = 2; axis < x.rank(); ++axis) area *= x.sizes[axis];
  return builder.Reshaped(x, {x.sizes[0], x.sizes[1], 1, area});
}

std::vector<int64_t> OnesBehindChannels(const Value& x) {
  std::vector<int64_t> sizes(x.sizes.size(), 1);
  std::copy_n(x.sizes.begin(), 2, sizes.begin());
  return sizes;
}

Result<std::vector<int64_t>> MeanAxes(const OnnxNode& node, Inputs inputs) {
  if (node.opset() < 18) return node.Ints("axes", {});
  SIGNUM_ASSIGN_OR_RETURN(const int64_t keep_all, node.Int("noop_with_empty_axes", 0));
  SIGNUM_ASSIGN_OR_RETURN(auto axes, NeedIntegers(InputOr(inputs, 1), "axes"));
  if (keep_all != 0 && axes.empty()) return Unsupported("has noop_with_empty_axes");
  return axes;
}

}  // namespace

Outputs ImportMaxPool(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("storage_order");  // of the indices, which are not made
  SIGNUM_ASSIGN_OR_RETURN(const Value x, builder.Batched(inputs[0]));
  SIGNUM_ASSIGN_OR_RETURN(PoolWindow pool, ReadPool(node, x));
  AddOverhang(pool);
  SIGNUM_ASSIGN_OR_RETURN(
      Value y, PoolAxes(x, pool.window, builder,
                        [&](const Value& map, const SpatialWindow& window) -> Result<Value> {
                          SIGNUM_ASSIGN_OR_RETURN(const Window flat, ToWindow(window));
                          return builder.Emit(MaxPoolOp{flat}, {map});
                        }));
  y.type = x.type;
  y.encoding = x.encoding;
  return std::vector<Value>{std::move(y)};
}

Outputs ImportAveragePool(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  if (inputs[0].is_integer()) return Unsupported("averages integers");
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count_padding, node.Int("count_include_pad", 0));
  SIGNUM_ASSIGN_OR_RETURN(Value x, builder.Batched(inputs[0]));
  SIGNUM_ASSIGN_OR_RETURN(PoolWindow pool, ReadPool(node, x));
  const bool overhangs =
      std::any_of(pool.overhang.begin(), pool.overhang.end(), [](int64_t n) { return n != 0; });
  // What ceil_mode adds does not count, though padding may.
  if (overhangs && count_padding != 0) {
    SIGNUM_ASSIGN_OR_RETURN(x, PadZeros(x, pool.window, builder));
  }
  AddOverhang(pool);
  const bool counts = count_padding != 0 && !overhangs;
  SIGNUM_ASSIGN_OR_RETURN(
      Value y, PoolAxes(x, pool.window, builder,
                        [&](const Value& map, const SpatialWindow& window) -> Result<Value> {
                          SIGNUM_ASSIGN_OR_RETURN(const Window flat, ToWindow(window));
                          return builder.Emit(
                              AveragePoolOp{.window = flat, .count_padding = counts}, {map});
                        }));
  return std::vector<Value>{std::move(y)};
}

Outputs ImportGlobalAveragePool(const OnnxNode&, Inputs inputs, GraphBuilder& builder) {
  if (inputs[0].is_integer()) return Unsupported("averages integers");
  SIGNUM_ASSIGN_OR_RETURN(const Value maps, AsMaps(inputs[0], builder));
  SIGNUM_ASSIGN_OR_RETURN(const Value mean, builder.Emit(GlobalAveragePoolOp{}, {maps}));
  SIGNUM_ASSIGN_OR_RETURN(Value y, builder.Reshaped(mean, OnesBehindChannels(inputs[0])));
  return std::vector<Value>{std::move(y)};
}

Outputs ImportGlobalMaxPool(const OnnxNode&, Inputs inputs, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const Value maps, AsMaps(inputs[0], builder));
  constexpr int64_t kLargest = std::numeric_limits<int16_t>::max();
  if (std::max(maps.sizes[2], maps.sizes[3]) > kLargest) {
    return Unsupported(fmt::format("pools a map of {}x{}; {} are possible along each axis",
                                   maps.sizes[2], maps.sizes[3], kLargest));
  }
  SpatialWindow all = Join(UnitAxis(), UnitAxis());
  all.kernel = {maps.sizes[2], maps.sizes[3]};
  SIGNUM_ASSIGN_OR_RETURN(const Window window, ToWindow(all));
  SIGNUM_ASSIGN_OR_RETURN(Value y, builder.Emit(MaxPoolOp{window}, {maps}));
  y.type = inputs[0].type;
  y.encoding = inputs[0].encoding;
  SIGNUM_ASSIGN_OR_RETURN(y, builder.Reshaped(y, OnesBehindChannels(inputs[0])));
  return std::vector<Value>{std::move(y)};
}

Outputs ImportReduceMean(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  if (inputs[0].is_integer()) return Unsupported("averages integers");
  SIGNUM_ASSIGN_OR_RETURN(std::vector<int64_t> stated, MeanAxes(node, inputs));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t keep, node.Int("keepdims", 1));
  Value x = inputs[0];
  if (x.rank() == 0) return std::vector<Value>{x};
  if (stated.empty()) {
    stated.resize(x.sizes.size());
    std::iota(stated.begin(), stated.end(), int64_t{0});
  }
  std::vector<int> axes;
  for (const int64_t axis : stated) {
    SIGNUM_ASSIGN_OR_RETURN(const int index, AxisOf(axis, x.rank()));
    axes.push_back(index);
  }
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  if (axes.front() == 0) {
    SIGNUM_ASSIGN_OR_RETURN(x, builder.Unbatched(x));
  }
  // The usual end of a network, for which there is an operator of its own.
  if (x.batched && x.rank() == 4 && axes == std::vector<int>{2, 3}) {
    SIGNUM_ASSIGN_OR_RETURN(Value y, builder.Emit(GlobalAveragePoolOp{}, {x}));
    if (keep == 0) {
      SIGNUM_ASSIGN_OR_RETURN(y, builder.Reshaped(y, {x.sizes[0], x.sizes[1]}));
    }
    return std::vector<Value>{std::move(y)};
  }
  if (!x.batched) {
    for (int& axis : axes) ++axis;
  }
  SIGNUM_ASSIGN_OR_RETURN(Value y,
                          builder.Emit(ReduceMeanOp{.axes = axes, .keep_axes = keep != 0}, {x}));
  return std::vector<Value>{std::move(y)};
}

}  // namespace signum::onnx
