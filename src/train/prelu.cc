#include "train/prelu.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "train/channel_rows.h"

namespace signum::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Rows of `channels` values. Here and below a product is taken on either side of 0, without which
// nothing vectorizes.
void PReluRows(const float* x, const float* slope, int64_t rows, int64_t channels, float* y) {
  for (int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      y[c] = std::max(x[c], 0.0f) + slope[c] * std::min(x[c], 0.0f);
    }
  }
}

// Likewise; adds the gradients of the slopes to `slope_sums`.
void PReluRowsGradient(const float* x, const float* slope, const float* g, int64_t rows,
                       int64_t channels, float* x_gradient, double* slope_sums) {
  std::vector<float> sums(channels);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      const float above = x[c] > 0 ? 1.0f : 0.0f;
      x_gradient[c] = g[c] * (above + (1 - above) * slope[c]);
      sums[c] += std::min(x[c], 0.0f) * g[c];
    }
    x += channels;
    g += channels;
    x_gradient += channels;
  }
  for (int64_t c = 0; c < channels; ++c) slope_sums[c] += sums[c];
}

struct PReluFunction : torch::autograd::Function<PReluFunction> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& slope) {
    context->save_for_backward({x, slope});
    torch::Tensor y = torch::empty_like(x);
    const int64_t channels = x.size(1);
    const float* from = x.data_ptr<float>();
    const float* slopes = slope.data_ptr<float>();
    float* to = y.data_ptr<float>();
    at::parallel_for(0, x.numel() / channels, BlockRows(channels), [&](int64_t begin, int64_t end) {
      PReluRows(from + begin * channels, slopes, end - begin, channels, to + begin * channels);
    });
    return y;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &slope = saved[1];
    const torch::Tensor gradient = gradients[0].contiguous(x.suggest_memory_format());
    torch::Tensor x_gradient = torch::empty_like(x);
    const int64_t channels = x.size(1), rows = x.numel() / channels;
    const int64_t block = BlockRows(channels), blocks = (rows + block - 1) / block;
    const float* from = x.data_ptr<float>();
    const float* slopes = slope.data_ptr<float>();
    const float* g = gradient.data_ptr<float>();
    float* to = x_gradient.data_ptr<float>();
    const torch::Tensor sums = torch::zeros({blocks, channels}, torch::kDouble);
    auto* slope_sums = sums.data_ptr<double>();
    at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = i * block * channels;
        PReluRowsGradient(from + at, slopes, g + at, std::min(block, rows - i * block), channels,
                          to + at, slope_sums + i * channels);
      }
    });
    return {x_gradient, sums.sum(0).to(torch::kFloat)};
  }
};

}  // namespace

torch::Tensor PRelu(const torch::Tensor& x, const torch::Tensor& slope) {
  const bool fits = HasChannelRows(x) && IsDense(slope) && slope.numel() == x.size(1);
  return fits ? PReluFunction::apply(x, slope) : torch::prelu(x, slope);
}

}  // namespace signum::train
