// Operators whose result is new (constants, shapes, ranges), and those that pass their
// input on.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "onnx/fold_operators.h"

namespace signum::onnx::fold {
namespace {

Result<Constant> Identity(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(call.Take(call[0].sizes));
  return call[0];
}

Result<Constant> ReadValue(const OnnxNode& node) {
  SIGNUM_ASSIGN_OR_RETURN(std::optional<Constant> tensor, node.Tensor("value"));
  if (tensor) return *std::move(tensor);
  if (node.Has("value_int")) {
    SIGNUM_ASSIGN_OR_RETURN(const int64_t value, node.Int("value_int", 0));
    return Constant::OfIntegers(ElementType::kInt64, {}, {value});
  }
  if (node.Has("value_ints")) {
    SIGNUM_ASSIGN_OR_RETURN(const auto values, node.Ints("value_ints", {}));
    return Constant::OfIntegers(ElementType::kInt64, {static_cast<int64_t>(values.size())}, values);
  }
  if (node.Has("value_float")) {
    SIGNUM_ASSIGN_OR_RETURN(const float value, node.Float("value_float", 0));
    return Constant::OfFloats({}, {value});
  }
  if (node.Has("value_floats")) {
    SIGNUM_ASSIGN_OR_RETURN(auto values, node.Floats("value_floats", {}));
    return Constant::OfFloats({static_cast<int64_t>(values.size())}, std::move(values));
  }
  return Unsupported("Constant holds no numbers; strings and sparse tensors are not supported");
}

// Its elements are in the file already: the budget is only for what comes of them.
Result<Constant> ConstantValue(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(Constant value, ReadValue(call.node));
  SIGNUM_RETURN_IF_ERROR(call.Take(value.sizes));
  return value;
}

Result<Constant> ConstantOfShape(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(auto sizes, ListOf(call[0]));
  SIGNUM_ASSIGN_OR_RETURN(const auto given, call.node.Tensor("value"));
  const Constant value = given.value_or(Constant::OfFloats({1}, {0.0f}));
  SIGNUM_RETURN_IF_ERROR(CheckOne(value, "value"));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(sizes));
  Constant result{value.type, std::move(sizes), value.data};
  std::visit(
      [&]<typename T>(std::vector<T>& values) {
        values = std::vector<T>(static_cast<size_t>(count), values[0]);
      },
      result.data);
  return result;
}

Result<Constant> ShapeOf(const Call& call) {
  const std::vector<int64_t>& sizes = call[0].sizes;
  const int64_t rank = call[0].rank();
  int64_t start = 0, end = rank;
  if (call.opset() >= 15) {
    SIGNUM_ASSIGN_OR_RETURN(start, call.node.Int("start", 0));
    SIGNUM_ASSIGN_OR_RETURN(end, call.node.Int("end", rank));
  }
  const auto clamp = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  start = clamp(start);
  end = std::max(start, clamp(end));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take({end - start}));
  return Constant::OfIntegers(ElementType::kInt64, {count},
                              {sizes.begin() + start, sizes.begin() + end});
}

Result<Constant> SizeOf(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(call.Take({}));
  return Constant::OfIntegers(ElementType::kInt64, {}, {call[0].elements()});
}

Result<Constant> FloatRange(const Call& call) {
  const double start = call[0].Float(0), limit = call[1].Float(0), delta = call[2].Float(0);
  if (delta == 0) return InvalidArgument("its range does not end");
  const double steps = std::max(std::ceil((limit - start) / delta), 0.0);
  if (!(steps < 0x1p62)) return InvalidArgument("its range does not end");
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take({static_cast<int64_t>(steps)}));
  std::vector<float> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(start + static_cast<double>(i) * delta);
  }
  return Constant::OfFloats({count}, std::move(values));
}

Result<Constant> IntegerRange(const Call& call) {
  const __int128 start = call[0].Integer(0), limit = call[1].Integer(0);
  const __int128 delta = call[2].Integer(0);
  if (delta == 0) return InvalidArgument("its range does not end");
  const __int128 distance = delta > 0 ? limit - start : start - limit;
  const __int128 step = delta > 0 ? delta : -delta;
  const __int128 steps = distance <= 0 ? 0 : (distance + step - 1) / step;
  constexpr __int128 kMost = int64_t{1} << 62;
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count,
                          call.Take({static_cast<int64_t>(std::min(steps, kMost))}));
  std::vector<int64_t> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<int64_t>(start + i * delta);
  return Constant::OfIntegers(call[0].type, {count}, values);
}

Result<Constant> Range(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckSameType(call[0], call[1]));
  SIGNUM_RETURN_IF_ERROR(CheckSameType(call[0], call[2]));
  for (size_t i = 0; i < 3; ++i) {
    SIGNUM_RETURN_IF_ERROR(CheckNumber(call[i]));
    SIGNUM_RETURN_IF_ERROR(CheckOne(call[i], "start, limit and delta"));
  }
  return call[0].is_float() ? FloatRange(call) : IntegerRange(call);
}

// Whether the node drops nothing, as everywhere but in training.
Status CheckDropsNothing(const Call& call) {
  call.node.Ignore("seed");
  if (call.opset() < 12) {
    call.node.Ignore("ratio");
    return {};
  }
  if (call.Has(1)) SIGNUM_RETURN_IF_ERROR(CheckOne(call[1], "ratio"));
  if (!call.Has(2)) return {};
  SIGNUM_RETURN_IF_ERROR(CheckOne(call[2], "training_mode"));
  const bool drops = call[2].Float(0) != 0 && (!call.Has(1) || call[1].Float(0) != 0);
  if (drops) return Unsupported("Dropout in training mode is random");
  return {};
}

Result<Outputs> Dropout(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckDropsNothing(call));
  SIGNUM_ASSIGN_OR_RETURN(Constant data, Identity(call));
  Outputs outputs;
  outputs.push_back(std::move(data));
  if (call.node.outputs() < 2) return outputs;
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(call[0].sizes));
  // Before opset 10 the mask is of the data's type.
  if (call.opset() < 10 && call[0].is_float()) {
    outputs.push_back(Constant::OfFloats(call[0].sizes, std::vector<float>(count, 1.0f)));
  } else {
    outputs.push_back(
        Constant::OfIntegers(ElementType::kBool, call[0].sizes, std::vector<int64_t>(count, 1)));
  }
  return outputs;
}

}  // namespace

std::span<const Operator> SourceOperators() {
  static constexpr Operator kOperators[] = {
      {"Constant", 0, 0, One<ConstantValue>},
      {"ConstantOfShape", 1, 1, One<ConstantOfShape>},
      {"Dropout", 1, 3, Dropout},
      {"Identity", 1, 1, One<Identity>},
      {"Range", 3, 3, One<Range>},
      {"Shape", 1, 1, One<ShapeOf>},
      {"Size", 1, 1, One<SizeOf>},
  };
  return kOperators;
}

}  // namespace signum::onnx::fold
