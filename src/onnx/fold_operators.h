// What the operators that Fold knows are made of: each file of them gives a list, and
// shares these questions to a node's inputs and attributes. Private to the files
// fold*.cc.
#ifndef SIGNUM_ONNX_FOLD_OPERATORS_H_
#define SIGNUM_ONNX_FOLD_OPERATORS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "onnx/constant.h"
#include "onnx/fold.h"
#include "onnx/node.h"
#include "signum/result.h"

namespace signum::onnx::fold {

// As NumPy has it: walks over axes cost time for each axis, so a file must not have
// millions of them.
constexpr size_t kMaxRank = 32;
// Of an input, the sizes beside a size of 0 counted too.
constexpr int64_t kMostElements = int64_t{1} << 40;

// One node that is being folded. An input is null where the node leaves it out; Fold
// has checked that those which the operator needs are there.
struct Call {
  const OnnxNode& node;
  std::span<const ConstantPointer> inputs;
  FoldBudget& budget;

  bool Has(size_t index) const { return index < inputs.size() && inputs[index] != nullptr; }
  const Constant& operator[](size_t index) const { return *inputs[index]; }
  int64_t opset() const { return node.opset(); }

  // Takes a result of these sizes from the budget; how many elements it has. An error
  // where a size is negative.
  Result<int64_t> Take(const std::vector<int64_t>& sizes) const;
};

using Outputs = std::vector<Constant>;

constexpr size_t kAnyNumber = SIZE_MAX;
struct Operator {
  const char* name;
  size_t least_inputs, most_inputs;  // the first `least_inputs` must be there
  Result<Outputs> (*fold)(const Call&);
};

// For the operators with one output.
template <Result<Constant> (*Function)(const Call&)>
Result<Outputs> One(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(Constant output, Function(call));
  Outputs outputs;
  outputs.push_back(std::move(output));
  return outputs;
}

std::span<const Operator> ConversionOperators();
std::span<const Operator> ElementwiseOperators();
std::span<const Operator> LayoutOperators();
std::span<const Operator> LinearOperators();
std::span<const Operator> ReductionOperators();
std::span<const Operator> SelectionOperators();
std::span<const Operator> SourceOperators();

// An axis in [-rank, rank) as one in [0, rank).
Result<int64_t> ToAxis(int64_t axis, int64_t rank);
// So many of them, none twice; sorted.
Result<std::vector<int64_t>> ToAxes(std::vector<int64_t> axes, int64_t rank);

// The integers of an input that is a list.
Result<std::vector<int64_t>> ListOf(const Constant& input);
// A list that was the attribute `name` before opset `since` and is the input `index`
// from then on; none where it is left out.
Result<std::optional<std::vector<int64_t>>> ListOf(const Call& call, const char* name, size_t index,
                                                   int64_t since);

// The input as an input of this type; "takes ..., not ..." otherwise.
Status CheckSameType(const Constant& a, const Constant& b);
Status CheckFloat(const Constant& input);
Status CheckNumber(const Constant& input);  // no bool
Status CheckBool(const Constant& input);
// That the input has one element, for parameters.
Status CheckOne(const Constant& input, const char* what);

// Wraps the elements of an integer type, computed in 64 bits, around to the type.
// kUnsupported where one is a uint64 that int64 does not hold.
Result<Constant> Wrapped(Constant constant);

// Sizes seen from one axis: `outer` times `size` times `inner`.
struct AxisView {
  int64_t outer = 1, size = 1, inner = 1;
};
AxisView AlongAxis(const std::vector<int64_t>& sizes, int64_t axis);

}  // namespace signum::onnx::fold

#endif  // SIGNUM_ONNX_FOLD_OPERATORS_H_
