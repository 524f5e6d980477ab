#include "onnx/fold.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "onnx/fold_operators.h"

namespace signum::onnx {
namespace fold {
namespace {

const Operator* Find(const OnnxNode& node) {
  if (!node.domain().empty()) return nullptr;
  for (const auto& list :
       {ConversionOperators(), ElementwiseOperators(), LayoutOperators(), LinearOperators(),
        ReductionOperators(), SelectionOperators(), SourceOperators()}) {
    for (const Operator& known : list) {
      if (node.op() == known.name) return &known;
    }
  }
  return nullptr;
}

Status CheckInputs(const Operator& known, std::span<const ConstantPointer> inputs) {
  if (inputs.size() > known.most_inputs) {
    return Corrupt(fmt::format("{} has {} inputs; it takes at most {}", known.name, inputs.size(),
                               known.most_inputs));
  }
  const bool variadic = known.most_inputs == kAnyNumber;
  const size_t needed = variadic ? std::max(known.least_inputs, inputs.size()) : known.least_inputs;
  for (size_t i = 0; i < needed; ++i) {
    if (i >= inputs.size() || inputs[i] == nullptr) {
      return Corrupt(fmt::format("{} lacks its input {}", known.name, i));
    }
  }
  for (const ConstantPointer& input : inputs) {
    if (input != nullptr && CheckedProduct(input->sizes, kMostElements) < 0) {
      return Unsupported(fmt::format("an input has the sizes {}", SizesText(input->sizes)));
    }
    if (input != nullptr && input->sizes.size() > kMaxRank) {
      return Unsupported(
          fmt::format("an input has {} axes; at most {} are supported", input->rank(), kMaxRank));
    }
  }
  return {};
}

}  // namespace

Result<int64_t> Call::Take(const std::vector<int64_t>& sizes) const {
  if (sizes.size() > kMaxRank) {
    return Unsupported(
        fmt::format("its result has {} axes; at most {} are supported", sizes.size(), kMaxRank));
  }
  if (std::any_of(sizes.begin(), sizes.end(), [](int64_t size) { return size < 0; })) {
    return InvalidArgument(fmt::format("its result has the sizes {}", SizesText(sizes)));
  }
  const int64_t count = CheckedProduct(sizes, budget.elements);
  if (count < 0) {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("its result of {} is more than the {} elements that may still be "
                            "allocated for a file of this size",
                            SizesText(sizes), budget.elements));
  }
  SIGNUM_RETURN_IF_ERROR(budget.Take(count));
  return count;
}

Result<int64_t> ToAxis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) {
    return InvalidArgument(fmt::format("axis {} is none of a tensor with {} axes", axis, rank));
  }
  return axis < 0 ? axis + rank : axis;
}

Result<std::vector<int64_t>> ToAxes(std::vector<int64_t> axes, int64_t rank) {
  for (int64_t& axis : axes) {
    SIGNUM_ASSIGN_OR_RETURN(axis, ToAxis(axis, rank));
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) {
    return InvalidArgument("an axis is named twice");
  }
  return axes;
}

Result<std::vector<int64_t>> ListOf(const Constant& input) {
  if (input.is_float() || input.rank() != 1) {
    return InvalidArgument(fmt::format("takes a list of integers, not {}", Describe(input)));
  }
  return input.Integers();
}

Result<std::optional<std::vector<int64_t>>> ListOf(const Call& call, const char* name, size_t index,
                                                   int64_t since) {
  if (call.opset() >= since) {
    if (!call.Has(index)) return std::nullopt;
    return ListOf(call[index]);
  }
  if (call.Has(index)) {
    return Corrupt(
        fmt::format("has '{}' as an input, which opset {} does not know", name, call.opset()));
  }
  if (!call.node.Has(name)) return std::nullopt;
  return call.node.Ints(name, {});
}

Status CheckSameType(const Constant& a, const Constant& b) {
  if (a.type == b.type) return {};
  return InvalidArgument(fmt::format("takes inputs of one type, not {} and {}",
                                     ElementTypeName(a.type), ElementTypeName(b.type)));
}

Status CheckFloat(const Constant& input) {
  if (input.is_float()) return {};
  return InvalidArgument(fmt::format("takes floats, not {}", Describe(input)));
}

Status CheckNumber(const Constant& input) {
  if (input.type != ElementType::kBool) return {};
  return InvalidArgument(fmt::format("takes numbers, not {}", Describe(input)));
}

Status CheckBool(const Constant& input) {
  if (input.type == ElementType::kBool) return {};
  return InvalidArgument(fmt::format("takes bool, not {}", Describe(input)));
}

Status CheckOne(const Constant& input, const char* what) {
  if (input.elements() == 1) return {};
  return InvalidArgument(fmt::format("takes one number as {}, not {}", what, Describe(input)));
}

Result<Constant> Wrapped(Constant constant) {
  auto* values = std::get_if<std::vector<int64_t>>(&constant.data);
  if (values == nullptr) return constant;  // of as many bits as the type
  const auto wrap = [&]<typename Narrow>(Narrow) {
    for (int64_t& value : *values) value = static_cast<Narrow>(value);
  };
  switch (constant.type) {
    case ElementType::kInt16: wrap(int16_t()); break;
    case ElementType::kUint16: wrap(uint16_t()); break;
    case ElementType::kInt32: wrap(int32_t()); break;
    case ElementType::kUint32: wrap(uint32_t()); break;
    case ElementType::kUint64:
      if (std::any_of(values->begin(), values->end(), [](int64_t value) { return value < 0; })) {
        return Unsupported("its result is a uint64 above the largest int64");
      }
      break;
    default: break;
  }
  return constant;
}

AxisView AlongAxis(const std::vector<int64_t>& sizes, int64_t axis) {
  AxisView view;
  for (int64_t i = 0; i < static_cast<int64_t>(sizes.size()); ++i) {
    (i < axis ? view.outer : i == axis ? view.size : view.inner) *= sizes[i];
  }
  return view;
}

}  // namespace fold

Status FoldBudget::Take(int64_t count) {
  if (count > elements) {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("its {} elements are more than the {} that may still be allocated for "
                            "a file of this size",
                            count, elements));
  }
  elements -= count;
  return {};
}

Status FoldBudget::TakeProducts(int64_t results, int64_t depth) {
  if (depth == 0) return {};
  if (results > products / depth) {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("a product of matrices with more than the {} multiplications that may "
                            "still be done is not folded",
                            products));
  }
  products -= results * depth;
  return {};
}

bool CanFold(const OnnxNode& node) { return fold::Find(node) != nullptr; }

Result<std::vector<Constant>> Fold(const OnnxNode& node, std::span<const ConstantPointer> inputs,
                                   FoldBudget& budget) {
  const fold::Operator* known = fold::Find(node);
  if (known == nullptr) return Unsupported(node.op() + " is not folded");
  while (!inputs.empty() && inputs.back() == nullptr) inputs = inputs.first(inputs.size() - 1);
  SIGNUM_RETURN_IF_ERROR(fold::CheckInputs(*known, inputs));
  SIGNUM_ASSIGN_OR_RETURN(auto outputs, known->fold({node, inputs, budget}));
  SIGNUM_RETURN_IF_ERROR(node.AllAsked());
  if (static_cast<size_t>(node.outputs()) > outputs.size()) {
    return Corrupt(
        fmt::format("{} has {} outputs; it gives {}", node.op(), node.outputs(), outputs.size()));
  }
  return outputs;
}

}  // namespace signum::onnx
