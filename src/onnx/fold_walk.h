// Walks over tensors by strides: what broadcasting, transposing, slicing, tiling and
// reducing are made of. Private to the files fold*.cc.
#ifndef SIGNUM_ONNX_FOLD_WALK_H_
#define SIGNUM_ONNX_FOLD_WALK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "onnx/constant.h"
#include "signum/result.h"

namespace signum::onnx::fold {

// In elements; 0 along axes that repeat what they hold.
using Strides = std::vector<int64_t>;

// Of row-major elements.
Strides DenseStrides(const std::vector<int64_t>& sizes);

// The sizes to which both broadcast (NumPy's rule), and the strides with which a dense
// tensor of `sizes` is read as one of those.
Result<std::vector<int64_t>> BroadcastSizes(const std::vector<int64_t>& a,
                                            const std::vector<int64_t>& b);
Strides BroadcastStrides(const std::vector<int64_t>& sizes, const std::vector<int64_t>& to);

// Calls body(at...) for every index of `sizes`, in row-major order, with the place in
// each of N tensors: where it starts, and one stride further for each step on an axis.
template <size_t N, typename Body>
void Walk(const std::vector<int64_t>& sizes, const std::array<Strides, N>& strides,
          std::array<int64_t, N> at, Body body) {
  struct Axis {
    int64_t size;
    std::array<int64_t, N> strides;
    int64_t index;
  };
  std::vector<Axis> axes;  // without those of size 1; neighbours joined where they can be
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] == 0) return;
    if (sizes[axis] == 1) continue;
    std::array<int64_t, N> steps;
    bool joins = !axes.empty();
    for (size_t n = 0; n < N; ++n) {
      steps[n] = strides[n][axis];
      joins = joins && axes.back().strides[n] == steps[n] * sizes[axis];
    }
    if (joins) {
      axes.back().size *= sizes[axis];
      axes.back().strides = steps;
    } else {
      axes.push_back({sizes[axis], steps, 0});
    }
  }
  Axis inner{1, {}, 0};
  if (!axes.empty()) {
    inner = axes.back();
    axes.pop_back();
  }
  while (true) {
    std::array<int64_t, N> here = at;
    for (int64_t i = 0; i < inner.size; ++i) {
      std::apply(body, here);
      for (size_t n = 0; n < N; ++n) here[n] += inner.strides[n];
    }
    size_t left = axes.size();
    for (; left > 0; --left) {
      Axis& axis = axes[left - 1];
      const bool wraps = ++axis.index == axis.size;
      for (size_t n = 0; n < N; ++n) at[n] += (wraps ? 1 - axis.size : 1) * axis.strides[n];
      if (!wraps) break;
      axis.index = 0;
    }
    if (left == 0) return;
  }
}

// The tensor of these sizes that reads `from` by the strides. The caller has taken it
// from the budget.
Constant ReadBy(const Constant& from, std::vector<int64_t> sizes, const Strides& strides,
                int64_t start = 0);

}  // namespace signum::onnx::fold

#endif  // SIGNUM_ONNX_FOLD_WALK_H_
