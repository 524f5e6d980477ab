// Operators that bring what lies along axes together: sums, extremes and their places,
// softmax, and the places of what is not zero.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "onnx/fold_operators.h"
#include "onnx/fold_walk.h"

namespace signum::onnx::fold {
namespace {

// What elements of type T are added up in.
template <typename T>
using Total = std::conditional_t<std::is_same_v<T, float>, double, int64_t>;
template <typename T>
using WrappingTotal = std::conditional_t<std::is_same_v<T, double>, double, uint64_t>;

// Each kind of reduction: where it starts, and its step. Integers wrap around.
struct SumOf {
  static constexpr bool kOfNothing = true, kMean = false;
  template <typename T>
  static constexpr T kStart = 0;
  template <typename T>
  static T Step(T total, T value) {
    return T(WrappingTotal<T>(total) + WrappingTotal<T>(value));
  }
};
struct MeanOf : SumOf {
  static constexpr bool kOfNothing = false, kMean = true;
};
struct ProductOf {
  static constexpr bool kOfNothing = true, kMean = false;
  template <typename T>
  static constexpr T kStart = 1;
  template <typename T>
  static T Step(T total, T value) {
    return T(WrappingTotal<T>(total) * WrappingTotal<T>(value));
  }
};
// A NaN stays, as in NumPy.
struct LargestOf {
  static constexpr bool kOfNothing = false, kMean = false;
  template <typename T>
  static constexpr T kStart = std::is_integral_v<T> ? std::numeric_limits<T>::lowest()
                                                    : -std::numeric_limits<T>::infinity();
  template <typename T>
  static T Step(T largest, T value) {
    return value > largest || value != value ? value : largest;
  }
};
struct SmallestOf {
  static constexpr bool kOfNothing = false, kMean = false;
  template <typename T>
  static constexpr T kStart = std::is_integral_v<T> ? std::numeric_limits<T>::max()
                                                    : std::numeric_limits<T>::infinity();
  template <typename T>
  static T Step(T smallest, T value) {
    return value < smallest || value != value ? value : smallest;
  }
};

// What is reduced: `kept` has size 1 along the reduced axes, `sizes` are the result's.
struct Reduction {
  std::vector<int64_t> kept, sizes;
  int64_t length = 1;  // elements that become one
};

Result<Reduction> PlanReduction(const std::vector<int64_t>& from, std::vector<int64_t> axes,
                                bool keep) {
  SIGNUM_ASSIGN_OR_RETURN(axes, ToAxes(std::move(axes), static_cast<int64_t>(from.size())));
  Reduction plan{from, {}};
  for (const int64_t axis : axes) {
    plan.length *= from[axis];
    plan.kept[axis] = 1;
  }
  for (size_t axis = 0; axis < from.size(); ++axis) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), static_cast<int64_t>(axis));
    if (keep || !reduced) plan.sizes.push_back(plan.kept[axis]);
  }
  return plan;
}

// The axes of a Reduce operator, whose axes are an input since the opset; none where it
// leaves the input as it is.
Result<std::optional<Reduction>> ReadReduction(const Call& call, int64_t since) {
  SIGNUM_ASSIGN_OR_RETURN(const auto given, ListOf(call, "axes", 1, since));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t keep, call.node.Int("keepdims", 1));
  int64_t nothing_means_none = 0;
  if (call.opset() >= since) {
    SIGNUM_ASSIGN_OR_RETURN(nothing_means_none, call.node.Int("noop_with_empty_axes", 0));
  }
  std::vector<int64_t> axes = given.value_or(std::vector<int64_t>{});
  if (axes.empty()) {
    if (nothing_means_none != 0) return std::nullopt;
    for (int64_t axis = 0; axis < call[0].rank(); ++axis) axes.push_back(axis);
  }
  return PlanReduction(call[0].sizes, std::move(axes), keep != 0);
}

template <typename Kind, int since>
Result<Constant> Reduce(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const auto plan, ReadReduction(call, since));
  if (!plan) {
    SIGNUM_RETURN_IF_ERROR(call.Take(call[0].sizes));
    return call[0];
  }
  if (plan->length == 0 && !Kind::kOfNothing) {
    return InvalidArgument(fmt::format("{} of no elements", call.node.op()));
  }
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(plan->sizes));
  Constant result{call[0].type, plan->sizes, {}};
  result.data = std::visit(
      [&]<typename T>(const std::vector<T>& values) {
        std::vector<Total<T>> totals(static_cast<size_t>(count), Kind::template kStart<Total<T>>);
        auto next = values.begin();
        Walk<1>(call[0].sizes, {BroadcastStrides(plan->kept, call[0].sizes)}, {0},
                [&](int64_t at) { totals[at] = Kind::Step(totals[at], Total<T>(*next++)); });
        if (Kind::kMean) {
          for (auto& total : totals) total /= static_cast<Total<T>>(plan->length);
        }
        return Constant::Data(std::vector<T>(totals.begin(), totals.end()));
      },
      call[0].data);
  return Wrapped(std::move(result));
}

// The place of the largest or the smallest along an axis.
template <bool largest>
Result<Constant> PlaceOf(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(int64_t axis, call.node.Int("axis", 0));
  SIGNUM_ASSIGN_OR_RETURN(axis, ToAxis(axis, call[0].rank()));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t keep, call.node.Int("keepdims", 1));
  int64_t last = 0;  // of equals
  if (call.opset() >= 12) {
    SIGNUM_ASSIGN_OR_RETURN(last, call.node.Int("select_last_index", 0));
  }
  SIGNUM_ASSIGN_OR_RETURN(const Reduction plan, PlanReduction(call[0].sizes, {axis}, keep != 0));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(plan.sizes));
  const AxisView view = AlongAxis(call[0].sizes, axis);
  if (view.size == 0) return InvalidArgument(call.node.op() + " of no elements");
  std::vector<int64_t> places(static_cast<size_t>(count), 0);
  std::visit(
      [&](const auto& values) {
        for (int64_t i = 0; i < count; ++i) {
          const auto* row =
              values.data() + i / view.inner * view.size * view.inner + i % view.inner;
          for (int64_t place = 1; place < view.size; ++place) {
            const auto value = row[place * view.inner], best = row[places[i] * view.inner];
            const bool better = largest ? value > best : value < best;
            if (better || (last != 0 && value == best)) places[i] = place;
          }
        }
      },
      call[0].data);
  return Constant::OfIntegers(ElementType::kInt64, plan.sizes, places);
}

// From opset 13 along one axis; before that over all axes from one on.
Result<Constant> Softmax(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckFloat(call[0]));
  const bool one_axis = call.opset() >= 13;
  SIGNUM_ASSIGN_OR_RETURN(int64_t axis, call.node.Int("axis", one_axis ? -1 : 1));
  SIGNUM_ASSIGN_OR_RETURN(axis, ToAxis(axis, call[0].rank()));
  SIGNUM_RETURN_IF_ERROR(call.Take(call[0].sizes));
  AxisView view = AlongAxis(call[0].sizes, axis);
  if (!one_axis) view = {view.outer, view.size * view.inner, 1};
  std::vector<float> values = call[0].Floats();
  for (int64_t i = 0; i < view.outer * view.inner && view.size > 0; ++i) {
    float* row = values.data() + i / view.inner * view.size * view.inner + i % view.inner;
    float largest = row[0];
    for (int64_t k = 1; k < view.size; ++k) largest = std::max(largest, row[k * view.inner]);
    double sum = 0;
    for (int64_t k = 0; k < view.size; ++k) {
      row[k * view.inner] = std::exp(row[k * view.inner] - largest);
      sum += row[k * view.inner];
    }
    for (int64_t k = 0; k < view.size; ++k) {
      row[k * view.inner] = static_cast<float>(row[k * view.inner] / sum);
    }
  }
  return Constant::OfFloats(call[0].sizes, std::move(values));
}

// A row for each axis, a column for each element that is not zero.
Result<Constant> NonZero(const Call& call) {
  return std::visit(
      [&]<typename T>(const std::vector<T>& values) -> Result<Constant> {
        const auto zeros = std::count(values.begin(), values.end(), T(0));
        const int64_t found = static_cast<int64_t>(values.size()) - zeros, rank = call[0].rank();
        SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take({rank, found}));
        std::vector<int64_t> places(static_cast<size_t>(count));
        const Strides strides = DenseStrides(call[0].sizes);
        int64_t column = 0;
        for (size_t i = 0; i < values.size(); ++i) {
          if (values[i] == T(0)) continue;
          for (int64_t axis = 0; axis < rank; ++axis) {
            places[axis * found + column] =
                static_cast<int64_t>(i) / strides[axis] % call[0].sizes[axis];
          }
          ++column;
        }
        return Constant::OfIntegers(ElementType::kInt64, {rank, found}, places);
      },
      call[0].data);
}

}  // namespace

std::span<const Operator> ReductionOperators() {
  static constexpr Operator kOperators[] = {
      {"ArgMax", 1, 1, One<PlaceOf<true>>},
      {"ArgMin", 1, 1, One<PlaceOf<false>>},
      {"NonZero", 1, 1, One<NonZero>},
      {"ReduceMax", 1, 2, One<Reduce<LargestOf, 18>>},
      {"ReduceMean", 1, 2, One<Reduce<MeanOf, 18>>},
      {"ReduceMin", 1, 2, One<Reduce<SmallestOf, 18>>},
      {"ReduceProd", 1, 2, One<Reduce<ProductOf, 18>>},
      {"ReduceSum", 1, 2, One<Reduce<SumOf, 13>>},
      {"Softmax", 1, 1, One<Softmax>},
  };
  return kOperators;
}

}  // namespace signum::onnx::fold
