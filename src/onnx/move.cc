// Operators that pick, move and join elements.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "onnx/operators.h"

namespace signum::onnx {
namespace {

// The same elements under other sizes; in the form it has if the batch stays the first
// axis, else with the batch as an axis like any other.
Result<Value> Reshape(const Value& value, std::vector<int64_t> sizes, GraphBuilder& builder) {
  const int64_t elements = CheckedProduct(sizes, kMaxTensorElements);
  if (elements != CheckedProduct(value.sizes, kMaxTensorElements) || elements < 1) {
    return InvalidArgument(fmt::format("makes {} of {}", SizesText(sizes), SizesText(value.sizes)));
  }
  if (value.batched && !sizes.empty() && sizes[0] == value.sizes[0]) {
    return builder.Reshaped(value, std::move(sizes), "");
  }
  SIGNUM_ASSIGN_OR_RETURN(const Value unbatched, builder.Unbatched(value));
  return builder.Reshaped(unbatched, std::move(sizes), "");
}

Result<std::vector<int64_t>> AxesOf(const OnnxNode& node, Inputs inputs) {
  if (node.opset() < 13) return node.Ints("axes", {});
  return NeedIntegers(InputOr(inputs, 1), "axes");
}

// Marks the axes of a tensor of `rank`.
Result<std::vector<bool>> Marked(const std::vector<int64_t>& axes, int rank) {
  std::vector<bool> marked(static_cast<size_t>(rank));
  for (const int64_t axis : axes) {
    SIGNUM_ASSIGN_OR_RETURN(const int index, AxisOf(axis, rank));
    if (marked[index]) return InvalidArgument(fmt::format("axis {} twice", axis));
    marked[index] = true;
  }
  return marked;
}

// `before` and `after` for each axis of `x`, below 0 where elements are cut off.
Result<Value> Pad(Value x, std::vector<int64_t> before, std::vector<int64_t> after, float value,
                  GraphBuilder& builder, const std::string& suffix = "") {
  if (before[0] != 0 || after[0] != 0) {
    SIGNUM_ASSIGN_OR_RETURN(x, builder.Unbatched(x));
  }
  if (!x.batched) {
    before.insert(before.begin(), 0);
    after.insert(after.begin(), 0);
  }
  PadOp op{.before = std::move(before), .after = std::move(after), .value = value};
  SIGNUM_ASSIGN_OR_RETURN(Value padded, builder.Emit(std::move(op), {x}, {}, suffix));
  padded.type = x.type;
  padded.encoding = x.encoding;
  return padded;
}

// The elements `indices` of an axis, in that order.
Result<Value> Select(Value x, int axis, const std::vector<int64_t>& indices, GraphBuilder& builder,
                     const std::string& suffix) {
  if (x.batched && axis == 0) {
    SIGNUM_ASSIGN_OR_RETURN(x, builder.Unbatched(x));
  }
  const int64_t size = x.sizes[axis];
  const auto outputs = static_cast<int64_t>(indices.size());
  const int64_t elements = CheckedProduct({outputs, size}, kMaxTensorElements);
  if (elements < 1) return Unsupported("works on an empty or a huge tensor");
  SIGNUM_RETURN_IF_ERROR(builder.budget().Take(elements));
  std::vector<float> matrix(static_cast<size_t>(elements));
  for (int64_t row = 0; row < outputs; ++row) matrix[row * size + indices[row]] = 1.0f;
  // A product with 0s and 1s: it makes floats of integers that stand for others.
  const ElementType type = x.type;
  const std::optional<IntegerEncoding> encoding = x.encoding;
  SIGNUM_ASSIGN_OR_RETURN(Value selected, builder.AlongAxis(x, axis, matrix, outputs, suffix));
  selected.type = type;
  selected.encoding = encoding;
  return selected;
}

// Elements first, first + step, ... of an axis.
struct Span {
  int64_t first = 0, count = 0, step = 1;
};

// Of an axis of size `size`: ONNX's Slice (which follows NumPy's).
Result<Span> SliceSpan(int64_t size, int64_t start, int64_t end, int64_t step) {
  if (step == 0) return InvalidArgument("a step of 0");
  const int64_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
  const auto bounded = [&](int64_t index) {
    return std::clamp(index < 0 ? std::max(index, -size - 1) + size : index, lowest, highest);
  };
  Span span{.first = bounded(start), .step = std::clamp(step, -size - 1, size + 1)};
  const int64_t distance = step > 0 ? bounded(end) - span.first : span.first - bounded(end);
  const int64_t stride = span.step > 0 ? span.step : -span.step;
  span.count = distance > 0 ? (distance + stride - 1) / stride : 0;
  return span;
}

Result<Value> Select(const Value& x, int axis, const Span& span, GraphBuilder& builder,
                     const std::string& suffix) {
  SIGNUM_RETURN_IF_ERROR(builder.budget().Take(span.count));
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < span.count; ++i) indices.push_back(span.first + i * span.step);
  return Select(x, axis, indices, builder, suffix);
}

struct SliceRange {
  int64_t axis, start, end, step;
};

Result<std::vector<SliceRange>> ReadSlice(const OnnxNode& node, Inputs inputs, int rank) {
  std::vector<int64_t> starts, ends, axes, steps;
  if (node.opset() < 10) {
    SIGNUM_ASSIGN_OR_RETURN(starts, node.Ints("starts", {}));
    SIGNUM_ASSIGN_OR_RETURN(ends, node.Ints("ends", {}));
    SIGNUM_ASSIGN_OR_RETURN(axes, node.Ints("axes", {}));
  } else {
    SIGNUM_ASSIGN_OR_RETURN(starts, NeedIntegers(InputOr(inputs, 1), "starts"));
    SIGNUM_ASSIGN_OR_RETURN(ends, NeedIntegers(InputOr(inputs, 2), "ends"));
    SIGNUM_ASSIGN_OR_RETURN(axes, NeedIntegers(InputOr(inputs, 3), "axes"));
    SIGNUM_ASSIGN_OR_RETURN(steps, NeedIntegers(InputOr(inputs, 4), "steps"));
  }
  if (axes.empty()) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), int64_t{0});
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    return InvalidArgument("starts, ends, axes and steps differ in length");
  }
  SIGNUM_RETURN_IF_ERROR(Marked(axes, rank));
  std::vector<SliceRange> ranges;
  for (size_t i = 0; i < starts.size(); ++i) {
    SIGNUM_ASSIGN_OR_RETURN(const int axis, AxisOf(axes[i], rank));
    ranges.push_back({axis, starts[i], ends[i], steps[i]});
  }
  return ranges;
}

struct PadOperands {
  std::vector<int64_t> before, after;
  float value = 0;
  std::string mode;
};

Result<PadOperands> ReadPadOperands(const OnnxNode& node, Inputs inputs, int rank) {
  PadOperands pads;
  SIGNUM_ASSIGN_OR_RETURN(pads.mode, node.String("mode", "constant"));
  std::vector<int64_t> numbers, axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), int64_t{0});
  if (node.opset() < 11) {
    SIGNUM_ASSIGN_OR_RETURN(numbers, node.Ints("pads", {}));
    SIGNUM_ASSIGN_OR_RETURN(pads.value, node.Float("value", 0.0f));
  } else {
    SIGNUM_ASSIGN_OR_RETURN(numbers, NeedIntegers(InputOr(inputs, 1), "pads"));
    if (const Value& value = InputOr(inputs, 2); !value.absent()) {
      SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer number, NeedConstant(value, "constant_value"));
      if (number->elements() > 1) return InvalidArgument("pads with several values");
      if (number->elements() == 1) pads.value = number->Float(0);
    }
    if (const Value& stated = InputOr(inputs, 3); !stated.absent()) {
      SIGNUM_ASSIGN_OR_RETURN(axes, NeedIntegers(stated, "axes"));
    }
  }
  if (numbers.size() != 2 * axes.size()) {
    return InvalidArgument(fmt::format("{} pads for {} axes", numbers.size(), axes.size()));
  }
  SIGNUM_RETURN_IF_ERROR(Marked(axes, rank));
  pads.before.assign(static_cast<size_t>(rank), 0);
  pads.after = pads.before;
  for (size_t i = 0; i < axes.size(); ++i) {
    SIGNUM_ASSIGN_OR_RETURN(const int axis, AxisOf(axes[i], rank));
    pads.before[axis] = numbers[i];
    pads.after[axis] = numbers[axes.size() + i];
    for (const int64_t n : {pads.before[axis], pads.after[axis]}) {
      if (n < -kMaxTensorElements || n > kMaxTensorElements) {
        return InvalidArgument(fmt::format("a pad of {}", n));
      }
    }
  }
  return pads;
}

// Edge and reflecting padding: which elements of the axis lie where.
Result<std::vector<int64_t>> PaddedIndices(const std::string& mode, int64_t size, int64_t before,
                                           int64_t after) {
  if (before + size + after < 1 || before + size + after > (int64_t{1} << 20)) {
    return InvalidArgument(fmt::format("pads {} elements by {} and {}", size, before, after));
  }
  if (mode == "reflect" && (before >= size || after >= size)) {
    return InvalidArgument(
        fmt::format("reflects more elements than the {} that there are", size - 1));
  }
  std::vector<int64_t> indices;
  for (int64_t i = -before; i < size + after; ++i) {
    int64_t index = i;
    if (mode == "reflect") index = i < 0 ? -i : (i >= size ? 2 * (size - 1) - i : i);
    indices.push_back(std::clamp<int64_t>(index, 0, size - 1));
  }
  return indices;
}

// The integers of joined values in one encoding, or as they are.
Result<std::vector<Value>> OneEncoding(Inputs inputs, GraphBuilder& builder) {
  std::vector<Value> values(inputs.begin(), inputs.end());
  const Value* first = nullptr;
  bool equal = true;
  for (const Value& value : values) {
    if (value.type != values[0].type) return InvalidArgument("joins values of different types");
    if (value.is_constant()) {
      equal = equal && !value.is_integer();
      continue;
    }
    if (first == nullptr) first = &value;
    equal = equal && value.encoding == first->encoding;
  }
  if (equal) return values;
  for (Value& value : values) {
    if (value.is_constant()) continue;
    SIGNUM_ASSIGN_OR_RETURN(value, builder.AsNode(value));
  }
  return values;
}

}  // namespace

Outputs ImportConcat(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const int64_t stated, node.Int("axis", node.opset() < 4 ? 1 : 0));
  SIGNUM_ASSIGN_OR_RETURN(std::vector<Value> values, OneEncoding(inputs, builder));
  const int rank = values[0].rank();
  SIGNUM_ASSIGN_OR_RETURN(const int axis, AxisOf(stated, rank));
  bool batched = axis != 0;
  for (const Value& value : values) {
    if (value.rank() != rank) return InvalidArgument("joins values of different ranks");
    batched = batched && (value.is_constant() ? value.sizes[0] == 1 : value.batched);
  }
  const Value* node_value = nullptr;
  for (Value& value : values) {
    if (value.is_constant()) {
      SIGNUM_ASSIGN_OR_RETURN(value, builder.AddConstant(*value.constant, batched, rank));
      continue;
    }
    if (!batched) {
      SIGNUM_ASSIGN_OR_RETURN(value, builder.Unbatched(value));
    }
    node_value = &value;
  }
  SIGNUM_ASSIGN_OR_RETURN(Value joined,
                          builder.Emit(ConcatOp{.axis = batched ? axis : axis + 1}, values));
  joined.type = inputs[0].type;
  if (node_value != nullptr) joined.encoding = node_value->encoding;
  return One(std::move(joined));
}

Outputs ImportFlatten(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const Value& x = inputs[0];
  SIGNUM_ASSIGN_OR_RETURN(const int64_t stated, node.Int("axis", 1));
  // Unlike elsewhere the axis may be the rank: all axes before it.
  int axis = x.rank();
  if (stated != axis) {
    SIGNUM_ASSIGN_OR_RETURN(axis, AxisOf(stated, x.rank()));
  }
  const std::vector<int64_t> front(x.sizes.begin(), x.sizes.begin() + axis);
  const std::vector<int64_t> rest(x.sizes.begin() + axis, x.sizes.end());
  const std::vector<int64_t> sizes = {CheckedProduct(front, kMaxTensorElements),
                                      CheckedProduct(rest, kMaxTensorElements)};
  if (!x.batched || axis != 1) return One(Reshape(x, sizes, builder));
  SIGNUM_ASSIGN_OR_RETURN(Value flat, builder.Emit(FlattenOp{}, {x}));
  flat.type = x.type;
  flat.encoding = x.encoding;
  return One(std::move(flat));
}

Outputs ImportReshape(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const Value& x = inputs[0];
  std::vector<int64_t> sizes;
  if (node.opset() < 5) {
    node.Ignore("consumed_inputs");
    SIGNUM_ASSIGN_OR_RETURN(sizes, node.Ints("shape", {}));
  } else {
    SIGNUM_ASSIGN_OR_RETURN(sizes, NeedIntegers(InputOr(inputs, 1), "shape"));
  }
  SIGNUM_ASSIGN_OR_RETURN(const int64_t allow_zero, node.Int("allowzero", 0));
  int64_t* open = nullptr;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0 && allow_zero == 0) {
      if (i >= x.sizes.size())
        return InvalidArgument("keeps the size of an axis that is not there");
      sizes[i] = x.sizes[i];
    }
    if (sizes[i] != -1) continue;
    if (open != nullptr) return InvalidArgument("leaves two sizes open");
    open = &sizes[i];
  }
  if (open != nullptr) {
    *open = 1;
    const int64_t known = CheckedProduct(sizes, kMaxTensorElements);
    if (known < 1)
      return InvalidArgument(fmt::format("makes {} of {}", SizesText(sizes), SizesText(x.sizes)));
    *open = CheckedProduct(x.sizes, kMaxTensorElements) / known;
  }
  return One(Reshape(x, std::move(sizes), builder));
}

Outputs ImportTranspose(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  Value x = inputs[0];
  std::vector<int64_t> reversed(x.sizes.size());
  std::iota(reversed.rbegin(), reversed.rend(), int64_t{0});
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<int64_t> stated, node.Ints("perm", reversed));
  std::vector<int> permutation;
  for (const int64_t axis : stated) {
    SIGNUM_ASSIGN_OR_RETURN(const int index, AxisOf(axis, x.rank()));
    permutation.push_back(index);
  }
  if (permutation.empty()) return One(x);
  if (x.batched && permutation[0] != 0) {
    SIGNUM_ASSIGN_OR_RETURN(x, builder.Unbatched(x));
  }
  if (!x.batched) {
    for (int& axis : permutation) ++axis;
    permutation.insert(permutation.begin(), 0);
  }
  SIGNUM_ASSIGN_OR_RETURN(Value moved, builder.Emit(TransposeOp{std::move(permutation)}, {x}));
  moved.type = x.type;
  moved.encoding = x.encoding;
  return One(std::move(moved));
}

Outputs ImportSqueeze(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const Value& x = inputs[0];
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<int64_t> axes, AxesOf(node, inputs));
  SIGNUM_ASSIGN_OR_RETURN(std::vector<bool> gone, Marked(axes, x.rank()));
  std::vector<int64_t> sizes;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axes.empty()) gone[axis] = x.sizes[axis] == 1;
    if (!gone[axis]) sizes.push_back(x.sizes[axis]);
    if (gone[axis] && x.sizes[axis] != 1) {
      return InvalidArgument(fmt::format("squeezes axis {} of {}", axis, SizesText(x.sizes)));
    }
  }
  if (x.batched && gone[0]) {
    SIGNUM_ASSIGN_OR_RETURN(const Value unbatched, builder.Unbatched(x));
    return One(builder.Reshaped(unbatched, std::move(sizes), ""));
  }
  return One(Reshape(x, std::move(sizes), builder));
}

Outputs ImportUnsqueeze(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const Value& x = inputs[0];
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<int64_t> axes, AxesOf(node, inputs));
  const bool stated = node.opset() < 13 ? node.Has("axes") : !InputOr(inputs, 1).absent();
  if (!stated) return Corrupt("has no axes");
  const int rank = x.rank() + static_cast<int>(axes.size());
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<bool> added, Marked(axes, rank));
  std::vector<int64_t> sizes;
  for (int axis = 0, from = 0; axis < rank; ++axis) {
    sizes.push_back(added[axis] ? 1 : x.sizes[from++]);
  }
  if (x.batched && added[0]) {
    SIGNUM_ASSIGN_OR_RETURN(const Value unbatched, builder.Unbatched(x));
    return One(builder.Reshaped(unbatched, std::move(sizes), ""));
  }
  return One(Reshape(x, std::move(sizes), builder));
}

Outputs ImportSlice(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  Value x = inputs[0];
  SIGNUM_ASSIGN_OR_RETURN(const auto ranges, ReadSlice(node, inputs, x.rank()));
  for (const SliceRange& range : ranges) {
    const int axis = static_cast<int>(range.axis);
    const int64_t size = x.sizes[axis];
    SIGNUM_ASSIGN_OR_RETURN(const Span span, SliceSpan(size, range.start, range.end, range.step));
    if (span.count == 0) return Unsupported("leaves nothing of its input");
    if (span.step != 1) {
      SIGNUM_ASSIGN_OR_RETURN(x, Select(x, axis, span, builder, "slice"));
    } else if (span.count < size) {
      std::vector<int64_t> before(x.sizes.size()), after(x.sizes.size());
      before[axis] = -span.first;
      after[axis] = span.first + span.count - size;
      SIGNUM_ASSIGN_OR_RETURN(x, Pad(x, std::move(before), std::move(after), 0.0f, builder));
    }
  }
  return One(std::move(x));
}

Outputs ImportSplit(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const Value& x = inputs[0];
  SIGNUM_ASSIGN_OR_RETURN(const int64_t stated, node.Int("axis", 0));
  SIGNUM_ASSIGN_OR_RETURN(const int axis, AxisOf(stated, x.rank()));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, node.Int("num_outputs", node.outputs()));
  std::vector<int64_t> parts;
  if (node.opset() < 13) {
    SIGNUM_ASSIGN_OR_RETURN(parts, node.Ints("split", {}));
  } else {
    SIGNUM_ASSIGN_OR_RETURN(parts, NeedIntegers(InputOr(inputs, 1), "split"));
  }
  const int64_t size = x.sizes[axis];
  if (parts.empty() && count >= 1 && count <= size) {
    const int64_t part = (size + count - 1) / count;
    for (int64_t first = 0; first < size; first += part) {
      parts.push_back(std::min(part, size - first));
    }
  }
  int64_t total = 0;
  for (const int64_t part : parts) {
    if (part < 1 || part > size - total) return InvalidArgument(fmt::format("a part of {}", part));
    total += part;
  }
  if (total != size || static_cast<int>(parts.size()) != node.outputs()) {
    return InvalidArgument(
        fmt::format("splits {} elements into {} parts of {} in all", size, parts.size(), total));
  }
  std::vector<Value> outputs;
  int64_t first = 0;
  for (const int64_t part : parts) {
    std::vector<int64_t> before(x.sizes.size()), after(x.sizes.size());
    before[axis] = -first;
    first += part;
    after[axis] = first - size;
    SIGNUM_ASSIGN_OR_RETURN(Value output,
                            Pad(x, std::move(before), std::move(after), 0.0f, builder));
    outputs.push_back(std::move(output));
  }
  return outputs;
}

Outputs ImportGather(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const Value& x = inputs[0];
  SIGNUM_ASSIGN_OR_RETURN(const int64_t stated, node.Int("axis", 0));
  SIGNUM_ASSIGN_OR_RETURN(const int axis, AxisOf(stated, x.rank()));
  if (x.is_constant()) return Unsupported("picks by indices that the network computes");
  SIGNUM_ASSIGN_OR_RETURN(std::vector<int64_t> indices, NeedIntegers(inputs[1], "indices"));
  for (int64_t& index : indices) {
    const int64_t size = x.sizes[axis];
    if (index < -size || index >= size) {
      return InvalidArgument(fmt::format("picks index {} of an axis of {}", index, size));
    }
    if (index < 0) index += size;
  }
  SIGNUM_ASSIGN_OR_RETURN(const Value selected, Select(x, axis, indices, builder, ""));
  std::vector<int64_t> sizes(selected.sizes.begin(), selected.sizes.begin() + axis);
  sizes.insert(sizes.end(), inputs[1].sizes.begin(), inputs[1].sizes.end());
  sizes.insert(sizes.end(), selected.sizes.begin() + axis + 1, selected.sizes.end());
  return One(builder.Reshaped(selected, std::move(sizes)));
}

Outputs ImportPad(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  Value x = inputs[0];
  if (x.rank() == 0) return Unsupported("pads a scalar");
  SIGNUM_ASSIGN_OR_RETURN(PadOperands pads, ReadPadOperands(node, inputs, x.rank()));
  if (pads.mode == "constant") {
    if (x.encoding) {
      const float zero_point = static_cast<float>(x.encoding->zero_point);
      pads.value = x.encoding->scale * (pads.value - zero_point);
    }
    return One(Pad(x, std::move(pads.before), std::move(pads.after), pads.value, builder));
  }
  if (pads.mode != "edge" && pads.mode != "reflect") {
    return Unsupported(fmt::format("pads in the mode '{}'", pads.mode));
  }
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (pads.before[axis] == 0 && pads.after[axis] == 0) continue;
    SIGNUM_ASSIGN_OR_RETURN(const auto indices, PaddedIndices(pads.mode, x.sizes[axis],
                                                              pads.before[axis], pads.after[axis]));
    SIGNUM_ASSIGN_OR_RETURN(x, Select(x, axis, indices, builder, "pad"));
  }
  return One(std::move(x));
}

Outputs ImportShape(const OnnxNode& node, Inputs inputs, GraphBuilder&) {
  const std::vector<int64_t>& sizes = inputs[0].sizes;
  const auto rank = static_cast<int64_t>(sizes.size());
  SIGNUM_ASSIGN_OR_RETURN(int64_t start, node.Int("start", 0));
  SIGNUM_ASSIGN_OR_RETURN(int64_t end, node.Int("end", rank));
  const auto bounded = [&](int64_t index) {
    return std::clamp<int64_t>(index < 0 ? std::max(index, -rank) + rank : index, 0, rank);
  };
  start = bounded(start);
  end = std::max(start, bounded(end));
  const std::vector<int64_t> part(sizes.begin() + start, sizes.begin() + end);
  return std::vector<Value>{
      Value::Of(Constant::OfIntegers(ElementType::kInt64, {end - start}, part))};
}

Outputs ImportSize(const OnnxNode&, Inputs inputs, GraphBuilder&) {
  const int64_t elements = CheckedProduct(inputs[0].sizes, kMaxTensorElements);
  if (elements < 0) return Unsupported("is of too large a tensor");
  return std::vector<Value>{Value::Of(Constant::OfIntegers(ElementType::kInt64, {}, {elements}))};
}

}  // namespace signum::onnx
