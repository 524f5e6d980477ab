#include "onnx/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace signum::onnx {
namespace {

std::vector<int64_t> Concatenated(std::vector<int64_t> front, std::span<const int64_t> back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

// A matrix of `rows` rows, turned over its diagonal.
std::vector<float> Transposed(const std::vector<float>& matrix, int64_t rows, int64_t columns) {
  std::vector<float> turned(matrix.size());
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      turned[column * rows + row] = matrix[row * columns + column];
    }
  }
  return turned;
}

}  // namespace

Result<int> AxisOf(int64_t axis, int rank) {
  if (axis >= -rank && axis < rank) return static_cast<int>(axis < 0 ? axis + rank : axis);
  return InvalidArgument(fmt::format("axis {} of a tensor of {} axes", axis, rank));
}

void GraphBuilder::Note(const std::string& text) {
  notes_.push_back(fmt::format("node '{}': {}", base_name_, text));
}

std::string GraphBuilder::NewName(const std::string& suffix) {
  const std::string wanted = suffix.empty() ? base_name_ : base_name_ + "." + suffix;
  std::string name = wanted;
  while (!names_.insert(name).second) {
    name = fmt::format("{}_{}", wanted, ++counters_.try_emplace(wanted, 1).first->second);
  }
  return name;
}

Result<Value> GraphBuilder::AddInput(const std::string& name, std::vector<int64_t> sizes,
                                     bool batched, ElementType type) {
  SIGNUM_CHECK(graph_.size() == 0 && (!batched || !sizes.empty()));
  base_name_ = name;
  Shape shape(batched ? sizes : Concatenated({1}, sizes));
  shape[0] = 1;
  if (CheckedElements(shape) < 0) {
    return InvalidArgument(
        fmt::format("input '{}' has the impossible sizes {}", name, SizesText(sizes)));
  }
  Value value;
  value.node = graph_.Add(NewName(""), InputOp{shape}, {});
  value.batched = batched;
  value.sizes = std::move(sizes);
  value.type = type;
  shapes_.push_back(std::move(shape));
  return value;
}

Result<Value> GraphBuilder::Emit(Op op, const std::vector<Value>& inputs, Parameters parameters,
                                 const std::string& suffix) {
  // Any number of nodes may have the same weight, and each gets a copy.
  int64_t elements = 0;
  for (const auto& [role, tensor] : parameters) elements += tensor.elements();
  SIGNUM_RETURN_IF_ERROR(budget_.Take(elements));
  Node node{NewName(suffix), std::move(op), {}, std::move(parameters)};
  std::vector<Shape> shapes;
  for (const Value& input : inputs) {
    SIGNUM_CHECK(input.node >= 0 && input.batched == inputs[0].batched);
    node.inputs.push_back(input.node);
    shapes.push_back(shapes_[input.node]);
  }
  Result<Shape> shape = InferShape(node, shapes);
  if (!shape) return tl::unexpected(std::move(shape).error());
  if (shape->rank() > kMostAxes) {
    return Unsupported(
        fmt::format("makes a value of {} axes; {} are possible", shape->rank(), kMostAxes));
  }
  Value value;
  value.node = graph_.Add(std::move(node.name), std::move(node.op), std::move(node.inputs),
                          std::move(node.parameters));
  value.batched = !inputs.empty() && inputs[0].batched;
  const std::span<const int64_t> sizes = shape->sizes();
  value.sizes.assign(sizes.begin() + (value.batched ? 0 : 1), sizes.end());
  // A constant has one image, whatever the batch of what it meets.
  for (const Value& input : inputs) {
    if (value.batched) value.sizes[0] = std::max(value.sizes[0], input.sizes[0]);
  }
  shapes_.push_back(*std::move(shape));
  return value;
}

Result<Value> GraphBuilder::AddConstant(const Constant& constant, bool batched, int rank,
                                        const std::string& suffix) {
  SIGNUM_CHECK(constant.rank() <= rank);
  if (constant.elements() < 1) return Unsupported("works on an empty tensor");
  std::vector<int64_t> sizes(static_cast<size_t>(rank - constant.rank() + (batched ? 0 : 1)), 1);
  sizes = Concatenated(std::move(sizes), constant.sizes);
  if (sizes.empty()) sizes = {1};
  SIGNUM_CHECK(sizes[0] == 1);
  const Shape shape(std::move(sizes));
  Parameters parameters;
  parameters.emplace("value", Tensor(shape, constant.Floats()));
  SIGNUM_ASSIGN_OR_RETURN(Value value, Emit(ConstantOp{shape}, {}, std::move(parameters), suffix));
  value.batched = batched;
  if (batched) value.sizes = shape.sizes();
  return value;
}

Value GraphBuilder::Decoded(Value value) {
  if (value.is_constant()) return value;
  value.type = ElementType::kFloat32;
  value.encoding.reset();
  return value;
}

Result<Value> GraphBuilder::AsNode(const Value& value) {
  if (value.is_constant()) {
    return AddConstant(*value.constant, false, value.rank());
  }
  if (!value.encoding) return value;
  // float / scale is the integer less its zero-point, but for a rounding error; a
  // quantizer of scale 1 takes that away.
  const IntegerEncoding encoding = *value.encoding;
  const int lowest = static_cast<int>(RangeOf(value.type).lowest);
  const Value floats = Decoded(value);
  const auto scalar = [&](float number) {
    return AddConstant(Constant::OfFloats({}, {number}), floats.batched, floats.rank());
  };
  SIGNUM_ASSIGN_OR_RETURN(const Value scale, scalar(encoding.scale));
  SIGNUM_ASSIGN_OR_RETURN(const Value divided, Emit(DivideOp{}, {floats, scale}, {}, "integers"));
  const int zero_point = static_cast<int>(encoding.zero_point) - lowest;
  Parameters parameters;
  parameters.emplace("scale", Tensor::Filled({1}, 1.0f));
  SIGNUM_ASSIGN_OR_RETURN(Value integers, Emit(QuantizeOp{.bits = 8, .zero_point = zero_point},
                                               {divided}, std::move(parameters), "integers"));
  if (encoding.zero_point != 0) {
    SIGNUM_ASSIGN_OR_RETURN(const Value offset, scalar(static_cast<float>(encoding.zero_point)));
    SIGNUM_ASSIGN_OR_RETURN(integers, Emit(AddOp{}, {integers, offset}, {}, "integers"));
  }
  integers.type = value.type;
  return integers;
}

Result<Value> GraphBuilder::Batched(const Value& value) {
  SIGNUM_CHECK(value.node >= 0);
  if (value.batched) return value;
  if (const auto twin = twins_.find(value.node); twin != twins_.end()) {
    Value batched = value;
    batched.node = twin->second;
    batched.batched = true;
    return batched;
  }
  if (value.sizes.empty() || value.sizes[0] != 1) {
    return Unsupported(fmt::format(
        "needs images one by one, but the network joins them: its input is {}; export the model "
        "with a batch size of 1",
        SizesText(value.sizes)));
  }
  std::vector<int64_t> target = value.sizes;
  target[0] = 0;
  SIGNUM_ASSIGN_OR_RETURN(Value batched,
                          Emit(ReshapeOp{std::move(target)}, {value}, {}, "as_batch"));
  batched.batched = true;
  batched.sizes = value.sizes;
  batched.type = value.type;
  batched.encoding = value.encoding;
  twins_[batched.node] = value.node;
  twins_[value.node] = batched.node;
  return batched;
}

Result<Value> GraphBuilder::Unbatched(const Value& value) {
  SIGNUM_CHECK(value.node >= 0);
  if (!value.batched) return value;
  if (value.sizes[0] != 1) {
    mixed_batch_ = true;
    return Unsupported("works along the batch axis");
  }
  Value unbatched = value;
  unbatched.batched = false;
  if (const auto twin = twins_.find(value.node); twin != twins_.end()) {
    unbatched.node = twin->second;
    return unbatched;
  }
  if (open_batch_) {
    Note(
        "works along the first axis, whose size the model leaves open; images are computed one "
        "by one, each as the only one of its batch");
    open_batch_ = false;  // said once
  }
  std::vector<int64_t> target = Concatenated({0}, value.sizes);
  SIGNUM_ASSIGN_OR_RETURN(const Value emitted,
                          Emit(ReshapeOp{std::move(target)}, {value}, {}, "as_axis"));
  unbatched.node = emitted.node;
  twins_[unbatched.node] = value.node;
  twins_[value.node] = unbatched.node;
  return unbatched;
}

Result<std::vector<Value>> GraphBuilder::Aligned(const std::vector<Value>& values) {
  int rank = 0;
  for (const Value& value : values) rank = std::max(rank, value.rank());
  const bool batched = std::all_of(values.begin(), values.end(), [&](const Value& value) {
    if (rank == 0) return false;
    if (value.is_constant()) return value.rank() < rank || value.sizes[0] == 1;
    return value.batched && value.rank() == rank;
  });
  std::vector<Value> aligned;
  for (const Value& value : values) {
    if (value.is_constant()) {
      SIGNUM_ASSIGN_OR_RETURN(Value constant, AddConstant(*value.constant, batched, rank));
      aligned.push_back(std::move(constant));
      continue;
    }
    SIGNUM_ASSIGN_OR_RETURN(Value node, batched ? Result<Value>(value) : Unbatched(value));
    std::vector<int64_t> sizes(static_cast<size_t>(rank - node.rank()), 1);
    SIGNUM_ASSIGN_OR_RETURN(node, Reshaped(node, Concatenated(std::move(sizes), node.sizes)));
    aligned.push_back(std::move(node));
  }
  return aligned;
}

Result<Value> GraphBuilder::Reshaped(const Value& value, std::vector<int64_t> sizes,
                                     const std::string& suffix) {
  SIGNUM_CHECK(value.node >= 0);
  if (sizes == value.sizes) return value;
  std::vector<int64_t> target = value.batched ? sizes : Concatenated({0}, sizes);
  SIGNUM_CHECK(!value.batched || (!sizes.empty() && sizes[0] == value.sizes[0]));
  target[0] = 0;
  SIGNUM_ASSIGN_OR_RETURN(Value reshaped, Emit(ReshapeOp{std::move(target)}, {value}, {}, suffix));
  reshaped.type = value.type;
  reshaped.encoding = value.encoding;
  return reshaped;
}

Result<Value> GraphBuilder::AlongAxis(const Value& value, int axis,
                                      const std::vector<float>& matrix, int64_t outputs,
                                      const std::string& suffix) {
  SIGNUM_CHECK(axis >= (value.batched ? 1 : 0) && axis < value.rank());
  const int64_t inputs = value.sizes[axis];
  SIGNUM_CHECK(static_cast<int64_t>(matrix.size()) == outputs * inputs);
  // A product works on the last two axes of three or more; axes in between are joined.
  const int graph_rank = value.rank() + (value.batched ? 0 : 1);
  const int from_end = value.rank() - 1 - axis;
  std::vector<int64_t> sizes = value.sizes;
  Value operand = value;
  const bool reshape = graph_rank < 3 || from_end > 1;
  if (reshape) {
    const int first = value.batched ? 1 : 0;
    std::vector<int64_t> joined(sizes.begin(), sizes.begin() + first);
    int64_t outer = 1, inner = 1;
    for (int i = first; i < axis; ++i) outer *= sizes[i];
    for (int i = axis + 1; i < value.rank(); ++i) inner *= sizes[i];
    joined.insert(joined.end(), {outer, inputs, inner});
    SIGNUM_ASSIGN_OR_RETURN(operand, Reshaped(value, std::move(joined), suffix));
  }
  const bool last = !reshape && from_end == 0;
  const Constant factor =
      last ? Constant::OfFloats({inputs, outputs}, Transposed(matrix, outputs, inputs))
           : Constant::OfFloats({outputs, inputs}, matrix);
  SIGNUM_ASSIGN_OR_RETURN(const Value weights, AddConstant(factor, value.batched, operand.rank()));
  const std::vector<Value> operands =
      last ? std::vector<Value>{operand, weights} : std::vector<Value>{weights, operand};
  SIGNUM_ASSIGN_OR_RETURN(const Value product, Emit(MatMulOp{}, operands, {}, suffix));
  if (!reshape) return product;
  sizes[axis] = outputs;
  return Reshaped(product, std::move(sizes), suffix);
}

}  // namespace signum::onnx
