// DepthwiseStep: a convolution in which every channel has a filter of its own.
// Private to weighted_steps.cc. Plain code, the same on every instruction set.
#ifndef SIGNUM_RUNTIME_DEPTHWISE_STEP_H_
#define SIGNUM_RUNTIME_DEPTHWISE_STEP_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/aligned_buffer.h"
#include "runtime/finish.h"
#include "runtime/patches.h"
#include "runtime/step.h"

namespace signum::runtime {

// sums += value * weight. A product of codes, at most 255 * 128, fits 16 bits,
// and the baseline instruction set multiplies 16 bits at a time but not 32.
inline void MultiplyAdd(const uint8_t* values, const int16_t* weights, int64_t count,
                        int32_t* sums) {
  for (int64_t i = 0; i < count; ++i) {
    sums[i] += static_cast<int16_t>(static_cast<int16_t>(values[i]) * weights[i]);
  }
}
inline void MultiplyAdd(const float* values, const float* weights, int64_t count, float* sums) {
  for (int64_t i = 0; i < count; ++i) sums[i] += values[i] * weights[i];
}

// Activation, Weight, Sum: uint8_t, int16_t, int32_t or three times float.
template <typename Activation, typename Weight, typename Sum>
class DepthwiseStep : public Step {
 public:
  // `weights` are {taps, channels}; `init` has one entry per channel.
  DepthwiseStep(const ConvolutionGeometry& geometry, const Value& input,
                std::vector<Weight> weights, std::vector<Sum> init, Activation pad, Finish finish)
      : geometry_(geometry),
        input_(input),
        weights_(std::move(weights)),
        init_(std::move(init)),
        pad_(static_cast<size_t>(geometry.in_channels), pad),
        finish_(std::move(finish)),
        tile_rows_(std::max<int64_t>(1, kElementGrain / geometry.in_channels)) {}

  int64_t weight_bytes() const { return static_cast<int64_t>(weights_.size() * sizeof(Weight)); }

  int64_t scratch_bytes() const override {
    return AlignUp(tile_rows_ * geometry_.in_channels * int64_t{sizeof(Sum)});
  }

  void Run(const RunContext& context) const override {
    const int64_t rows = context.batch * geometry_.pixels();
    ParallelRanges(context, rows, tile_rows_, [&](int64_t begin, int64_t end, int thread) {
      auto* sums = reinterpret_cast<Sum*>(context.Scratch(thread));
      const int64_t channels = geometry_.in_channels;
      for (int64_t row = begin; row < end; ++row) {
        SumPixel(context.At<const Activation>(input_), row, sums + (row - begin) * channels);
      }
      const Finish::Tile tile = {.rows = RowBlock::Flat(begin, end - begin, channels),
                                 .first_channel = 0,
                                 .channels = channels,
                                 .stride = channels};
      finish_.Run(context, tile, sums, reinterpret_cast<float*>(sums));
    });
  }

 private:
  void SumPixel(const Activation* input, int64_t row, Sum* sums) const {
    const ConvolutionGeometry& g = geometry_;
    const Window& window = g.window;
    const int64_t channels = g.in_channels;
    std::copy(init_.begin(), init_.end(), sums);
    const Activation* map = input + row / g.pixels() * g.in_height * g.in_width * channels;
    const int64_t y0 = row % g.pixels() / g.out_width * window.stride[0] - window.padding.top;
    const int64_t x0 = row % g.out_width * window.stride[1] - window.padding.left;
    const Weight* weights = weights_.data();
    for (int64_t ky = 0; ky < window.kernel[0]; ++ky) {
      const int64_t y = y0 + ky * window.dilation[0];
      for (int64_t kx = 0; kx < window.kernel[1]; ++kx, weights += channels) {
        const int64_t x = x0 + kx * window.dilation[1];
        const bool inside = y >= 0 && y < g.in_height && x >= 0 && x < g.in_width;
        const Activation* values = inside ? map + (y * g.in_width + x) * channels : pad_.data();
        MultiplyAdd(values, weights, channels, sums);
      }
    }
  }

  ConvolutionGeometry geometry_;
  Value input_;
  std::vector<Weight> weights_;
  std::vector<Sum> init_;
  std::vector<Activation> pad_;  // one pixel of padding
  Finish finish_;
  int64_t tile_rows_;
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_DEPTHWISE_STEP_H_
