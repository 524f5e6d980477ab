// Operators that give their input's elements other sizes or another order.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "onnx/fold_operators.h"
#include "onnx/fold_walk.h"

namespace signum::onnx::fold {
namespace {

// The input with other sizes, for as many elements.
Result<Constant> WithSizes(const Call& call, std::vector<int64_t> sizes) {
  const Constant& input = call[0];
  if (CheckedProduct(sizes, kMostElements) != input.elements()) {
    return InvalidArgument(
        fmt::format("cannot give {} the sizes {}", Describe(input), SizesText(sizes)));
  }
  SIGNUM_RETURN_IF_ERROR(call.Take(sizes));
  return Constant{input.type, std::move(sizes), input.data};
}

Result<Constant> Reshape(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(std::vector<int64_t> sizes, ListOf(call[1]));
  int64_t allow_zero = 0;
  if (call.opset() >= 14) {
    SIGNUM_ASSIGN_OR_RETURN(allow_zero, call.node.Int("allowzero", 0));
  }
  const std::string asked = SizesText(sizes);
  const std::vector<int64_t>& old = call[0].sizes;
  const auto rest = std::find(sizes.begin(), sizes.end(), -1);
  if (allow_zero != 0 && rest != sizes.end() && std::count(sizes.begin(), sizes.end(), 0) > 0) {
    return InvalidArgument(fmt::format("sizes {}: -1 beside 0 can be anything", asked));
  }
  for (size_t axis = 0; axis < sizes.size() && allow_zero == 0; ++axis) {
    if (sizes[axis] != 0) continue;
    if (axis >= old.size()) {
      return InvalidArgument(
          fmt::format("sizes {}: {} has no axis {} to copy", asked, Describe(call[0]), axis));
    }
    sizes[axis] = old[axis];
  }
  if (rest != sizes.end()) {
    *rest = 1;
    const int64_t others = CheckedProduct(sizes, kMostElements);
    if (others <= 0 || call[0].elements() % others != 0) {
      return InvalidArgument(fmt::format("cannot give {} the sizes {}", Describe(call[0]), asked));
    }
    *rest = call[0].elements() / others;
  }
  return WithSizes(call, std::move(sizes));
}

Result<Constant> Flatten(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(int64_t axis, call.node.Int("axis", 1));
  const int64_t rank = call[0].rank();
  if (axis != rank) {
    SIGNUM_ASSIGN_OR_RETURN(axis, ToAxis(axis, rank));
  }
  const auto& sizes = call[0].sizes;
  const auto product = [](auto first, auto last) {
    return std::accumulate(first, last, int64_t{1}, std::multiplies<>());
  };
  return WithSizes(call, {product(sizes.begin(), sizes.begin() + axis),
                          product(sizes.begin() + axis, sizes.end())});
}

Result<Constant> Squeeze(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const auto given, ListOf(call, "axes", 1, 13));
  const int64_t rank = call[0].rank();
  SIGNUM_ASSIGN_OR_RETURN(const auto axes, ToAxes(given.value_or(std::vector<int64_t>{}), rank));
  std::vector<int64_t> sizes;
  for (int64_t axis = 0; axis < rank; ++axis) {
    const int64_t size = call[0].sizes[axis];
    const bool named = std::binary_search(axes.begin(), axes.end(), axis);
    if (named && size != 1) {
      return InvalidArgument(fmt::format("axis {} of {} is not 1", axis, Describe(call[0])));
    }
    if (given ? !named : size != 1) sizes.push_back(size);
  }
  return WithSizes(call, std::move(sizes));
}

Result<Constant> Unsqueeze(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const auto given, ListOf(call, "axes", 1, 13));
  if (!given) return Corrupt("Unsqueeze has no axes");
  std::vector<int64_t> sizes = call[0].sizes;
  const auto rank = static_cast<int64_t>(sizes.size() + given->size());
  SIGNUM_ASSIGN_OR_RETURN(const auto axes, ToAxes(*given, rank));
  if (rank > static_cast<int64_t>(kMaxRank)) return Unsupported("has too many axes");
  for (const int64_t axis : axes) sizes.insert(sizes.begin() + axis, 1);
  return WithSizes(call, std::move(sizes));
}

Result<Constant> Transpose(const Call& call) {
  const int64_t rank = call[0].rank();
  std::vector<int64_t> reversed(rank);
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  SIGNUM_ASSIGN_OR_RETURN(const auto order, call.node.Ints("perm", reversed));
  SIGNUM_ASSIGN_OR_RETURN(const auto sorted, ToAxes(order, rank));
  if (sorted.size() != reversed.size()) {
    return InvalidArgument(
        fmt::format("{} axes cannot order those of {}", sorted.size(), Describe(call[0])));
  }
  const Strides dense = DenseStrides(call[0].sizes);
  std::vector<int64_t> sizes(rank);
  Strides strides(rank);
  for (int64_t axis = 0; axis < rank; ++axis) {
    SIGNUM_ASSIGN_OR_RETURN(const int64_t from, ToAxis(order[axis], rank));
    sizes[axis] = call[0].sizes[from];
    strides[axis] = dense[from];
  }
  SIGNUM_RETURN_IF_ERROR(call.Take(sizes));
  return ReadBy(call[0], std::move(sizes), strides);
}

Result<Constant> Expand(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const auto asked, ListOf(call[1]));
  SIGNUM_ASSIGN_OR_RETURN(auto sizes, BroadcastSizes(call[0].sizes, asked));
  SIGNUM_RETURN_IF_ERROR(call.Take(sizes));
  const Strides strides = BroadcastStrides(call[0].sizes, sizes);
  return ReadBy(call[0], std::move(sizes), strides);
}

Result<Constant> Tile(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const auto repeats, ListOf(call[1]));
  const std::vector<int64_t>& sizes = call[0].sizes;
  if (repeats.size() != sizes.size()) {
    return InvalidArgument(
        fmt::format("{} repeats do not fit the axes of {}", repeats.size(), Describe(call[0])));
  }
  // Each axis is read as two: the repeats, and what is repeated.
  const Strides dense = DenseStrides(sizes);
  std::vector<int64_t> paired, tiled;
  Strides strides;
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    paired.insert(paired.end(), {repeats[axis], sizes[axis]});
    strides.insert(strides.end(), {0, dense[axis]});
    if (repeats[axis] < 0) return InvalidArgument("repeats are negative");
    // Too many are too many for Take still, but do not overflow.
    constexpr int64_t kMost = int64_t{1} << 62;
    tiled.push_back(std::min(repeats[axis], kMost / std::max<int64_t>(sizes[axis], 1)) *
                    sizes[axis]);
  }
  SIGNUM_RETURN_IF_ERROR(call.Take(tiled));
  Constant result = ReadBy(call[0], std::move(paired), strides);
  result.sizes = std::move(tiled);
  return result;
}

}  // namespace

std::span<const Operator> LayoutOperators() {
  static constexpr Operator kOperators[] = {
      {"Expand", 2, 2, One<Expand>},       {"Flatten", 1, 1, One<Flatten>},
      {"Reshape", 2, 2, One<Reshape>},     {"Squeeze", 1, 2, One<Squeeze>},
      {"Tile", 2, 2, One<Tile>},           {"Transpose", 1, 1, One<Transpose>},
      {"Unsqueeze", 1, 2, One<Unsqueeze>},
  };
  return kOperators;
}

}  // namespace signum::onnx::fold
