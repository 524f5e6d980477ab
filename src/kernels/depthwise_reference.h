// The definition of depthwise_u8s8 and of depthwise_f32, a tap at a time and
// column by column, for their reference.cc. Products and sums are of type Sum.
#ifndef SIGNUM_KERNELS_DEPTHWISE_REFERENCE_H_
#define SIGNUM_KERNELS_DEPTHWISE_REFERENCE_H_

#include "kernels/depthwise_blocks.h"

namespace signum::kernels {

template <typename Unique, typename Kernel>
void RunDepthwiseReference(
    const DepthwiseProblem<typename Kernel::Value, typename Kernel::Sum>& problem) {
  using Sum = typename Kernel::Sum;
  const auto* weights = reinterpret_cast<const typename Kernel::Weight*>(problem.packed);
  const int64_t taps = problem.window.taps();
  const int64_t rows = problem.window.rows;
  const int64_t columns = problem.window.columns;
  for (int64_t block = 0; block < problem.channels; block += kDepthwiseBlock) {
    const int64_t width = std::min(kDepthwiseBlock, problem.channels - block);
    for (int64_t pixel = 0; pixel < problem.pixels; ++pixel) {
      Sum* sums = problem.sums + pixel * problem.stride + block;
      for (int64_t c = 0; c < width; ++c) sums[c] = problem.init[block + c];
      for (int64_t i = 0; i < taps; ++i) {
        const int64_t t = i % rows * columns + i / rows;
        const auto& tap = problem.taps[t];
        const auto* values = tap.first + pixel * tap.step + block;
        for (int64_t c = 0; c < width; ++c) {
          sums[c] += static_cast<Sum>(values[c]) * static_cast<Sum>(weights[t * width + c]);
        }
      }
    }
    weights += taps * width;
  }
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_DEPTHWISE_REFERENCE_H_
