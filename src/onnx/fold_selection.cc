// Operators that pick, join and part tensors along an axis.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "onnx/fold_operators.h"
#include "onnx/fold_walk.h"

namespace signum::onnx::fold {
namespace {

Result<Constant> Concat(const Call& call) {
  if (!call.node.Has("axis")) return Corrupt("Concat has no axis");
  SIGNUM_ASSIGN_OR_RETURN(int64_t axis, call.node.Int("axis", 0));
  SIGNUM_ASSIGN_OR_RETURN(axis, ToAxis(axis, call[0].rank()));
  std::vector<int64_t> sizes = call[0].sizes;
  for (size_t i = 1; i < call.inputs.size(); ++i) {
    SIGNUM_RETURN_IF_ERROR(CheckSameType(call[0], call[i]));
    std::vector<int64_t> others = call[i].sizes;
    if (others.size() == sizes.size()) others[axis] = call[0].sizes[axis];
    if (others != call[0].sizes) {
      return InvalidArgument(fmt::format("cannot join {} and {} along axis {}", Describe(call[0]),
                                         Describe(call[i]), axis));
    }
    sizes[axis] += call[i].sizes[axis];
  }
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(sizes));
  const int64_t outer = AlongAxis(sizes, axis).outer;
  Constant result{call[0].type, std::move(sizes), {}};
  result.data = std::visit(
      [&]<typename T>(const std::vector<T>&) {
        std::vector<T> joined;
        joined.reserve(static_cast<size_t>(count));
        for (int64_t i = 0; i < outer; ++i) {
          for (const ConstantPointer& input : call.inputs) {
            const auto& values = std::get<std::vector<T>>(input->data);
            const int64_t block = input->elements() / outer;
            joined.insert(joined.end(), values.begin() + i * block,
                          values.begin() + (i + 1) * block);
          }
        }
        return Constant::Data(std::move(joined));
      },
      call[0].data);
  return result;
}

// Indices, of which those below 0 count from the end.
Result<std::vector<int64_t>> IndicesInto(int64_t size, const Constant& input) {
  if (input.is_float()) return InvalidArgument("takes integers as indices, not float32");
  std::vector<int64_t> indices = input.Integers();
  for (int64_t& index : indices) {
    if (index < -size || index >= size) {
      return InvalidArgument(fmt::format("index {} is none of {}", index, size));
    }
    if (index < 0) index += size;
  }
  return indices;
}

Result<Constant> Gather(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(int64_t axis, call.node.Int("axis", 0));
  SIGNUM_ASSIGN_OR_RETURN(axis, ToAxis(axis, call[0].rank()));
  const std::vector<int64_t>&from = call[0].sizes, &middle = call[1].sizes;
  std::vector<int64_t> sizes(from.begin(), from.begin() + axis);
  sizes.insert(sizes.end(), middle.begin(), middle.end());
  sizes.insert(sizes.end(), from.begin() + axis + 1, from.end());
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(sizes));
  const AxisView view = AlongAxis(from, axis);
  SIGNUM_ASSIGN_OR_RETURN(const auto indices, IndicesInto(view.size, call[1]));
  Constant result{call[0].type, std::move(sizes), {}};
  result.data = std::visit(
      [&](const auto& values) {
        std::decay_t<decltype(values)> picked;
        picked.reserve(static_cast<size_t>(count));
        for (int64_t outer = 0; outer < view.outer; ++outer) {
          for (const int64_t index : indices) {
            const auto block = values.begin() + (outer * view.size + index) * view.inner;
            picked.insert(picked.end(), block, block + view.inner);
          }
        }
        return Constant::Data(std::move(picked));
      },
      call[0].data);
  return result;
}

Result<Constant> GatherElements(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(int64_t axis, call.node.Int("axis", 0));
  SIGNUM_ASSIGN_OR_RETURN(axis, ToAxis(axis, call[0].rank()));
  const std::vector<int64_t>& sizes = call[1].sizes;
  bool fits = sizes.size() == call[0].sizes.size();
  for (int64_t i = 0; fits && i < call[0].rank(); ++i) {
    fits = i == axis || sizes[i] <= call[0].sizes[i];
  }
  if (!fits) {
    return InvalidArgument(
        fmt::format("indices {} do not fit {}", SizesText(sizes), Describe(call[0])));
  }
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(sizes));
  SIGNUM_ASSIGN_OR_RETURN(const auto indices, IndicesInto(call[0].sizes[axis], call[1]));
  Strides strides = DenseStrides(call[0].sizes);
  const int64_t step = std::exchange(strides[axis], 0);
  Constant result{call[0].type, sizes, {}};
  result.data = std::visit(
      [&](const auto& values) {
        std::decay_t<decltype(values)> picked;
        picked.reserve(static_cast<size_t>(count));
        Walk<1>(sizes, {strides}, {0},
                [&](int64_t at) { picked.push_back(values[at + indices[picked.size()] * step]); });
        return Constant::Data(std::move(picked));
      },
      call[0].data);
  return result;
}

// What Slice takes along one axis: `count` elements, from `start`, `step` apart.
struct Stretch {
  int64_t start = 0, count = 0, step = 1;
};

Stretch StretchOf(int64_t size, int64_t start, int64_t end, int64_t step) {
  if (size == 0) return {};
  const int64_t highest = step > 0 ? size : size - 1;
  start = std::clamp<int64_t>(start < 0 ? start + size : start, 0, highest);
  end = std::clamp<int64_t>(end < 0 ? end + size : end, step > 0 ? 0 : -1, highest);
  const int64_t distance = step > 0 ? end - start : start - end;
  if (distance <= 0) return {};
  const int64_t length = step > 0 ? step : -step;
  return {start, 1 + (distance - 1) / length, step};
}

struct SliceLists {
  std::vector<int64_t> starts, ends, axes, steps;
};

Result<SliceLists> ReadSliceLists(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(auto starts, ListOf(call, "starts", 1, 10));
  SIGNUM_ASSIGN_OR_RETURN(auto ends, ListOf(call, "ends", 2, 10));
  SIGNUM_ASSIGN_OR_RETURN(auto axes, ListOf(call, "axes", 3, 10));
  SIGNUM_ASSIGN_OR_RETURN(auto steps, ListOf(call, "steps", 4, 10));
  if (!starts || !ends) return Corrupt("Slice has no starts or no ends");
  SliceLists lists{*std::move(starts), *std::move(ends), {}, {}};
  for (size_t i = 0; i < lists.starts.size(); ++i) lists.axes.push_back(static_cast<int64_t>(i));
  if (axes) lists.axes = *std::move(axes);
  const size_t count = lists.starts.size();
  lists.steps = steps ? *std::move(steps) : std::vector<int64_t>(count, 1);
  if (lists.ends.size() != count || lists.axes.size() != count || lists.steps.size() != count) {
    return InvalidArgument("Slice has lists of different lengths");
  }
  SIGNUM_RETURN_IF_ERROR(ToAxes(lists.axes, call[0].rank()));
  return lists;
}

Result<Constant> Slice(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const SliceLists lists, ReadSliceLists(call));
  std::vector<int64_t> sizes = call[0].sizes;
  Strides strides = DenseStrides(sizes);
  int64_t first = 0;
  for (size_t i = 0; i < lists.axes.size(); ++i) {
    SIGNUM_ASSIGN_OR_RETURN(const int64_t axis, ToAxis(lists.axes[i], call[0].rank()));
    if (lists.steps[i] == 0) return InvalidArgument("Slice has a step of 0");
    // -2^63 has no negative; one less steps as far past any axis.
    const int64_t step = std::max(lists.steps[i], -std::numeric_limits<int64_t>::max());
    const Stretch stretch = StretchOf(sizes[axis], lists.starts[i], lists.ends[i], step);
    sizes[axis] = stretch.count;
    first += stretch.start * strides[axis];
    strides[axis] *= stretch.count > 1 ? stretch.step : 0;
  }
  SIGNUM_RETURN_IF_ERROR(call.Take(sizes));
  return ReadBy(call[0], std::move(sizes), strides, first);
}

// The sizes of Split's parts, which may fail to add up.
Result<std::vector<int64_t>> PartSizes(const Call& call, int64_t size) {
  SIGNUM_ASSIGN_OR_RETURN(const auto given, ListOf(call, "split", 1, 13));
  int64_t parts = call.node.outputs();
  if (call.opset() >= 18) {
    SIGNUM_ASSIGN_OR_RETURN(parts, call.node.Int("num_outputs", parts));
  }
  if (given) parts = static_cast<int64_t>(given->size());
  if (parts < 1 || parts != call.node.outputs()) {
    return Corrupt(fmt::format("Split into {} parts has {} outputs", parts, call.node.outputs()));
  }
  if (given) return *given;
  const int64_t part = (size + parts - 1) / parts;
  if (size % parts != 0 && (call.opset() < 18 || part * (parts - 1) > size)) {
    return InvalidArgument(fmt::format("cannot part {} into {}", size, parts));
  }
  std::vector<int64_t> sizes(static_cast<size_t>(parts), part);
  sizes.back() = size - part * (parts - 1);
  return sizes;
}

Result<Outputs> Split(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(int64_t axis, call.node.Int("axis", 0));
  SIGNUM_ASSIGN_OR_RETURN(axis, ToAxis(axis, call[0].rank()));
  std::vector<int64_t> sizes = call[0].sizes;
  const int64_t size = sizes[axis];
  SIGNUM_ASSIGN_OR_RETURN(const auto parts, PartSizes(call, size));
  const Strides strides = DenseStrides(sizes);
  int64_t start = 0;
  Outputs outputs;
  for (const int64_t part : parts) {
    if (part < 0 || part > size - start) break;
    sizes[axis] = part;
    SIGNUM_RETURN_IF_ERROR(call.Take(sizes));
    outputs.push_back(ReadBy(call[0], sizes, strides, start * strides[axis]));
    start += part;
  }
  if (start != size || outputs.size() != parts.size()) {
    return InvalidArgument(
        fmt::format("parts of {} do not add up to {}", fmt::join(parts, ", "), size));
  }
  return outputs;
}

// Pads before and after each axis; those below 0 cut off.
struct Padding {
  std::vector<int64_t> before, after;
};

Result<Padding> ReadPadding(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const auto pads, ListOf(call, "pads", 1, 11));
  const int64_t rank = call[0].rank();
  std::vector<int64_t> axes(rank);
  for (int64_t axis = 0; axis < rank; ++axis) axes[axis] = axis;
  if (call.opset() >= 18 && call.Has(3)) {
    SIGNUM_ASSIGN_OR_RETURN(axes, ListOf(call[3]));
    SIGNUM_RETURN_IF_ERROR(ToAxes(axes, rank));
  }
  if (!pads || pads->size() != 2 * axes.size()) {
    return InvalidArgument(fmt::format("has not two pads for each of {} axes", axes.size()));
  }
  Padding padding{std::vector<int64_t>(rank, 0), std::vector<int64_t>(rank, 0)};
  for (size_t i = 0; i < axes.size(); ++i) {
    SIGNUM_ASSIGN_OR_RETURN(const int64_t axis, ToAxis(axes[i], rank));
    constexpr int64_t kMost = int64_t{1} << 60;  // the sum of three does not overflow
    padding.before[axis] = std::clamp((*pads)[i], -kMost, kMost);
    padding.after[axis] = std::clamp((*pads)[i + axes.size()], -kMost, kMost);
  }
  return padding;
}

Result<Constant> PadValue(const Call& call) {
  if (call.opset() < 11) {
    SIGNUM_ASSIGN_OR_RETURN(const float value, call.node.Float("value", 0));
    return Constant::OfFloats({}, {value});
  }
  if (call.Has(2)) return call[2];
  if (call[0].is_float()) return Constant::OfFloats({}, {0});
  return Constant::OfIntegers(call[0].type, {}, {0});
}

Result<Constant> Pad(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const std::string mode, call.node.String("mode", "constant"));
  if (mode != "constant") return Unsupported(fmt::format("Pad of mode '{}' is not folded", mode));
  SIGNUM_ASSIGN_OR_RETURN(const Padding padding, ReadPadding(call));
  SIGNUM_ASSIGN_OR_RETURN(const Constant value, PadValue(call));
  SIGNUM_RETURN_IF_ERROR(CheckSameType(call[0], value));
  SIGNUM_RETURN_IF_ERROR(CheckOne(value, "value"));
  const std::vector<int64_t>& old = call[0].sizes;
  std::vector<int64_t> sizes(old.size()), kept(old.size());
  for (size_t axis = 0; axis < old.size(); ++axis) {
    const int64_t before = padding.before[axis], after = padding.after[axis];
    sizes[axis] = old[axis] + before + after;
    kept[axis] = std::max<int64_t>(
        0, old[axis] + std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0));
  }
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(sizes));
  const Strides read = DenseStrides(old), written = DenseStrides(sizes);
  int64_t from = 0, to = 0;
  for (size_t axis = 0; axis < old.size(); ++axis) {
    from += std::clamp<int64_t>(-padding.before[axis], 0, old[axis]) * read[axis];
    to += std::clamp<int64_t>(padding.before[axis], 0, sizes[axis]) * written[axis];
  }
  Constant result{call[0].type, std::move(sizes), value.data};
  std::visit(
      [&]<typename T>(std::vector<T>& values) {
        const auto& source = std::get<std::vector<T>>(call[0].data);
        values = std::vector<T>(static_cast<size_t>(count), values[0]);
        Walk<2>(kept, {read, written}, {from, to},
                [&](int64_t i, int64_t j) { values[j] = source[i]; });
      },
      result.data);
  return result;
}

}  // namespace

std::span<const Operator> SelectionOperators() {
  static constexpr Operator kOperators[] = {
      {"Concat", 1, kAnyNumber, One<Concat>},
      {"Gather", 2, 2, One<Gather>},
      {"GatherElements", 2, 2, One<GatherElements>},
      {"Pad", 1, 4, One<Pad>},
      {"Slice", 1, 5, One<Slice>},
      {"Split", 1, 2, Split},
  };
  return kOperators;
}

}  // namespace signum::onnx::fold
