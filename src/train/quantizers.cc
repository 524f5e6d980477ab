#include "train/quantizers.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "train/channel_rows.h"

namespace signum::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

// Adding and subtracting 1.5 * 2^23 rounds a float of small magnitude to an
// integer, ties to even, and vectorizes on every machine, as nearbyint does not.
// Codes are clamped first, which with integer bounds gives the same.
template <typename Floats>
Floats RoundSmall(Floats x) {
  constexpr float kMagic = 12582912.0f;
  return (x + kMagic) - kMagic;
}

struct CodeRange {
  float scale;
  float low;                  // lowest code - zero-point
  float high;                 // highest code - zero-point
  bool learns_inside = true;  // LSQ's scale does, from the errors of rounding
};

void QuantizeBlock(const float* x, float* y, int64_t count, const CodeRange& range) {
  for (int64_t i = 0; i < count; ++i) {
    const float v = std::min(std::max(x[i] / range.scale, range.low), range.high);
    y[i] = range.scale * RoundSmall(v);
  }
}

// As many floats as a vector of every processor holds: left to itself the compiler makes the loop
// below of single ones.
constexpr int64_t kLanes = 4;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

// Writes the gradient for x and returns the one for the scale, both of `count`
// elements.
float QuantizeBlockGradient(const float* x, const float* gradient, float* x_gradient, int64_t count,
                            const CodeRange& range) {
  const Lanes scale = Lanes{} + range.scale, low = Lanes{} + range.low, high = Lanes{} + range.high;
  const float learns_inside = range.learns_inside ? 1 : 0;
  Lanes sums = {};
  const auto add = [&](int64_t i, size_t bytes) {
    Lanes v = {}, g = {};
    std::memcpy(&v, x + i, bytes);
    std::memcpy(&g, gradient + i, bytes);
    v /= scale;
    Lanes clamped = v < low ? low : v;
    clamped = clamped > high ? high : clamped;
    const Lanes rounded = RoundSmall(clamped);
    const auto inside = clamped == v;
    sums += g * (inside ? learns_inside * (rounded - v) : rounded);
    const Lanes passed = inside ? g : Lanes{};
    std::memcpy(x_gradient + i, &passed, bytes);
  };
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) add(i, sizeof(Lanes));
  if (i < count) add(i, static_cast<size_t>(count - i) * sizeof(float));
  float sum = 0;
  for (int64_t lane = 0; lane < kLanes; ++lane) sum += sums[lane];
  return sum;
}

torch::Tensor QuantizeOnCpu(const torch::Tensor& x, const CodeRange& range) {
  torch::Tensor y = torch::empty_like(x);
  const float* from = x.data_ptr<float>();
  float* to = y.data_ptr<float>();
  at::parallel_for(0, x.numel(), kBlock, [&](int64_t begin, int64_t end) {
    QuantizeBlock(from + begin, to + begin, end - begin, range);
  });
  return y;
}

// The gradients for x and for the scale, the latter before LSQ's factor.
std::pair<torch::Tensor, double> QuantizeGradientOnCpu(const torch::Tensor& x,
                                                       const torch::Tensor& gradient,
                                                       const CodeRange& range) {
  torch::Tensor x_gradient = torch::empty_like(x);
  const float* from = x.data_ptr<float>();
  const float* g = gradient.data_ptr<float>();
  float* to = x_gradient.data_ptr<float>();
  const int64_t count = x.numel();
  std::vector<double> sums((count + kBlock - 1) / kBlock);
  at::parallel_for(0, static_cast<int64_t>(sums.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t at = block * kBlock;
      sums[block] =
          QuantizeBlockGradient(from + at, g + at, to + at, std::min(kBlock, count - at), range);
    }
  });
  double sum = 0;
  for (double s : sums) sum += s;
  return {x_gradient, sum};
}

CodeRange RangeOf(float scale, int64_t zero_point, int64_t bits) {
  const int64_t highest = (int64_t{1} << bits) - 1;
  return {scale, static_cast<float>(-zero_point), static_cast<float>(highest - zero_point)};
}

struct FakeQuantizeFunction : Function<FakeQuantizeFunction> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& scale, int64_t zero_point, int64_t bits,
                               int64_t method) {
    context->save_for_backward({x, scale});
    context->saved_data["method"] = method;
    context->saved_data["zero_point"] = zero_point;
    context->saved_data["bits"] = bits;
    if (IsDense(x)) return QuantizeOnCpu(x, RangeOf(scale.item<float>(), zero_point, bits));
    const CodeRange range = RangeOf(1, zero_point, bits);
    return scale * torch::round(torch::clamp(x / scale, range.low, range.high));
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor& x = saved[0];
    const torch::Tensor& scale = saved[1];
    const int64_t zero_point = context->saved_data["zero_point"].toInt();
    const int64_t bits = context->saved_data["bits"].toInt();
    CodeRange range = RangeOf(scale.item<float>(), zero_point, bits);
    range.learns_inside = context->saved_data["method"].toInt() == int64_t(ValueMethod::kLsq);
    const double features = static_cast<double>(x.numel() / std::max<int64_t>(x.size(0), 1));
    const double reach = std::max(range.high, -range.low);
    const double factor = 1.0 / (range.learns_inside ? std::sqrt(features * reach) : reach * reach);
    torch::Tensor x_gradient, scale_gradient;
    if (IsDense(x)) {
      const torch::Tensor g = gradients[0].contiguous(x.suggest_memory_format());
      double sum = 0;
      std::tie(x_gradient, sum) = QuantizeGradientOnCpu(x, g, range);
      scale_gradient = torch::full_like(scale, sum * factor);
    } else {
      const torch::Tensor v = x / scale;
      const torch::Tensor clamped = torch::clamp(v, range.low, range.high);
      const torch::Tensor inside = clamped == v;
      x_gradient = gradients[0] * inside;
      torch::Tensor error = torch::round(clamped) - v * inside;
      if (!range.learns_inside) error = error * inside.logical_not();
      scale_gradient = (gradients[0] * error).sum().reshape({1}) * factor;
    }
    return {x_gradient, scale_gradient, torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

// `shift` as a tensor that broadcasts against x along the channels.
torch::Tensor AlongChannels(const torch::Tensor& shift, const torch::Tensor& x) {
  std::vector<int64_t> shape(x.dim(), 1);
  shape[1] = shift.numel();
  return shift.reshape(shape);
}

torch::Tensor SignOf(const torch::Tensor& x) {
  return torch::where(x >= 0, torch::ones_like(x), -torch::ones_like(x));
}

torch::Tensor SavedSlope(AutogradContext* context, const torch::Tensor& x) {
  return SignSlope(static_cast<SignGradient>(context->saved_data["kind"].toInt()),
                   context->saved_data["progress"].toDouble(), x);
}

// x - shift_c, in the layout of x; of no elements, shift is none.
torch::Tensor Centered(const torch::Tensor& x, const torch::Tensor& shift) {
  return shift.numel() > 0 ? x - AlongChannels(shift, x) : x;
}

// Rows of `channels` values; shift may be null.
void SignRows(const float* x, const float* shift, float scale, int64_t rows, int64_t channels,
              float* y) {
  for (int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      y[c] = x[c] >= (shift == nullptr ? 0.0f : shift[c]) ? scale : -scale;
    }
  }
}

// Likewise; adds the gradients of the shifts to `shift_sums`, and returns that of the scale.
template <bool kPolynomial>
double SignRowsGradient(const float* x, const float* shift, float scale, const float* g,
                        int64_t rows, int64_t channels, float* x_gradient, double* shift_sums) {
  std::vector<float> sums(channels), scale_sums(channels);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      const float v = x[c] - (shift == nullptr ? 0.0f : shift[c]);
      const float magnitude = std::fabs(v);
      const float slope =
          kPolynomial ? std::max(2 - 2 * magnitude, 0.0f) * scale : (magnitude < 1 ? 1.0f : 0.0f);
      x_gradient[c] = g[c] * slope;
      sums[c] -= x_gradient[c];
      scale_sums[c] += v >= 0 ? g[c] : -g[c];
    }
    x += channels;
    g += channels;
    x_gradient += channels;
  }
  double sum = 0;
  for (int64_t c = 0; c < channels; ++c) {
    shift_sums[c] += sums[c];
    sum += scale_sums[c];
  }
  return sum;
}

torch::Tensor SignOnCpu(const torch::Tensor& x, const torch::Tensor& scale,
                        const torch::Tensor& shift) {
  torch::Tensor y = torch::empty_like(x);
  const int64_t channels = x.size(1);
  const float* from = x.data_ptr<float>();
  const float* shifts = shift.numel() > 0 ? shift.data_ptr<float>() : nullptr;
  float* to = y.data_ptr<float>();
  const auto s = scale.item<float>();
  at::parallel_for(0, x.numel() / channels, BlockRows(channels), [&](int64_t begin, int64_t end) {
    SignRows(from + begin * channels, shifts, s, end - begin, channels, to + begin * channels);
  });
  return y;
}

// The gradients of x, scale and shift.
tensor_list SignGradientOnCpu(const torch::Tensor& x, const torch::Tensor& scale,
                              const torch::Tensor& shift, const torch::Tensor& gradient,
                              bool polynomial) {
  torch::Tensor x_gradient = torch::empty_like(x);
  const int64_t channels = x.size(1), rows = x.numel() / channels;
  const int64_t block = BlockRows(channels), blocks = (rows + block - 1) / block;
  const float* from = x.data_ptr<float>();
  const float* shifts = shift.numel() > 0 ? shift.data_ptr<float>() : nullptr;
  const float* g = gradient.data_ptr<float>();
  float* to = x_gradient.data_ptr<float>();
  const auto s = scale.item<float>();
  const auto rows_gradient = polynomial ? SignRowsGradient<true> : SignRowsGradient<false>;
  std::vector<double> shift_sums(blocks * channels), scale_sums(blocks);
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i * block * channels;
      scale_sums[i] = rows_gradient(from + at, shifts, s, g + at, std::min(block, rows - i * block),
                                    channels, to + at, shift_sums.data() + i * channels);
    }
  });
  double scale_sum = 0;
  std::vector<float> shift_gradient(channels);
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (int64_t i = 0; i < blocks; ++i) sum += shift_sums[i * channels + c];
    shift_gradient[c] = static_cast<float>(sum);
  }
  for (double sum : scale_sums) scale_sum += sum;
  return {x_gradient, torch::full_like(scale, scale_sum),
          shift.numel() > 0 ? torch::tensor(shift_gradient) : torch::Tensor()};
}

struct FakeSignFunction : Function<FakeSignFunction> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& scale, const torch::Tensor& shift, int64_t kind,
                               double progress) {
    context->save_for_backward({x, scale, shift});
    context->saved_data["kind"] = kind;
    context->saved_data["progress"] = progress;
    if (HasChannelRows(x)) return SignOnCpu(x, scale, shift);
    return SignOf(Centered(x, shift)) * scale;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &scale = saved[1], &shift = saved[2];
    const auto kind = static_cast<SignGradient>(context->saved_data["kind"].toInt());
    const bool value_is_x = kind == SignGradient::kStraightThrough;
    tensor_list result;
    if (HasChannelRows(x) && (value_is_x || kind == SignGradient::kBiReal)) {
      result = SignGradientOnCpu(x, scale, shift,
                                 gradients[0].contiguous(x.suggest_memory_format()), !value_is_x);
    } else {
      const torch::Tensor centered = Centered(x, shift);
      torch::Tensor x_gradient = gradients[0] * SavedSlope(context, centered);
      if (!value_is_x) x_gradient = x_gradient * scale;
      result = {
          x_gradient, (gradients[0] * SignOf(centered)).sum().reshape({1}),
          shift.numel() > 0
              ? -x_gradient.sum_to_size(AlongChannels(shift, x).sizes()).reshape(shift.sizes())
              : torch::Tensor()};
    }
    result.insert(result.end(), {torch::Tensor(), torch::Tensor()});
    return result;
  }
};

struct SignedBitsFunction : Function<SignedBitsFunction> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& bits, int64_t kind, double progress) {
    context->save_for_backward({x});
    context->saved_data["kind"] = kind;
    context->saved_data["progress"] = progress;
    return bits.clone();
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const torch::Tensor x = context->get_saved_variables()[0];
    return {gradients[0] * SavedSlope(context, x), torch::Tensor(), torch::Tensor(),
            torch::Tensor()};
  }
};

struct BinaryWeightFunction : Function<BinaryWeightFunction> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& latent,
                               const torch::Tensor& bits, bool per_channel, bool clip) {
    context->saved_data["clip"] = clip;
    if (clip) context->save_for_backward({latent});
    return BinaryScale(latent, per_channel) * bits;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    torch::Tensor gradient = gradients[0];
    if (context->saved_data["clip"].toBool()) {
      gradient = gradient * (context->get_saved_variables()[0].abs() < 1);
    }
    return {gradient, torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

double HighestCode(int64_t bits) { return static_cast<double>((int64_t{1} << (bits - 1)) - 1); }

struct StraightThroughRound : Function<StraightThroughRound> {
  static torch::Tensor forward(AutogradContext*, const torch::Tensor& weight,
                               const torch::Tensor& scale, int64_t bits) {
    return SymmetricCodes(weight, scale, static_cast<int>(bits)) * scale;
  }
  static tensor_list backward(AutogradContext*, tensor_list gradients) {
    return {gradients[0], torch::Tensor(), torch::Tensor()};
  }
};

struct LearnedStepFunction : Function<LearnedStepFunction> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& weight,
                               const torch::Tensor& step, int64_t bits) {
    context->save_for_backward({weight, step});
    context->saved_data["bits"] = bits;
    return SymmetricCodes(weight, step, static_cast<int>(bits)) * step;
  }
  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor& step = saved[1];
    const double highest = HighestCode(context->saved_data["bits"].toInt());
    const torch::Tensor v = saved[0] / step;
    const torch::Tensor clamped = torch::clamp(v, -highest, highest);
    const torch::Tensor inside = clamped == v;
    const torch::Tensor error =
        torch::round(clamped) - torch::where(inside, v, torch::zeros_like(v));
    const double factor =
        1 / std::sqrt(static_cast<double>(v.numel()) / static_cast<double>(step.numel()) * highest);
    return {gradients[0] * inside, (gradients[0] * error).sum_to_size(step.sizes()) * factor,
            torch::Tensor()};
  }
};

}  // namespace

torch::Tensor FakeQuantize(const torch::Tensor& x, const torch::Tensor& scale, int zero_point,
                           int bits, ValueMethod method) {
  return FakeQuantizeFunction::apply(x, scale, int64_t{zero_point}, int64_t{bits},
                                     static_cast<int64_t>(method));
}

torch::Tensor FakeSign(const torch::Tensor& x, const torch::Tensor& scale,
                       const torch::Tensor& shift, SignGradient gradient, double progress) {
  // Comparing x with the shift, as the runtime does, and taking the sign of the
  // difference agree: IEEE subtraction gives 0 only for equal numbers.
  return FakeSignFunction::apply(x, scale, shift.defined() ? shift : torch::empty({0}),
                                 static_cast<int64_t>(gradient), progress);
}

torch::Tensor SignedBits(const torch::Tensor& x, const torch::Tensor& bits, SignGradient gradient,
                         double progress) {
  return SignedBitsFunction::apply(x, bits, static_cast<int64_t>(gradient), progress);
}

torch::Tensor BopStep(const torch::Tensor& bits, const torch::Tensor& gradient, torch::Tensor& m,
                      double gamma, double tau) {
  m.mul_(1 - gamma).add_(gradient, gamma);
  return torch::where(m * bits > tau, -bits, bits);
}

std::vector<int64_t> ScaleAxes(const torch::Tensor& weight, bool per_channel) {
  std::vector<int64_t> axes;
  for (int64_t axis = per_channel ? 1 : 0; axis < weight.dim(); ++axis) axes.push_back(axis);
  return axes;
}

torch::Tensor BinaryScale(const torch::Tensor& latent, bool per_channel) {
  // In double and floored, as quant::MeanMagnitude.
  return latent.detach()
      .abs()
      .mean(ScaleAxes(latent, per_channel), /*keepdim=*/true, torch::kDouble)
      .to(torch::kFloat)
      .clamp_min(std::numeric_limits<float>::min());
}

torch::Tensor BinaryWeight(const torch::Tensor& latent, const torch::Tensor& bits, bool per_channel,
                           bool clip) {
  return BinaryWeightFunction::apply(latent, bits, per_channel, clip);
}

torch::Tensor HysteresisBits(const torch::Tensor& bits, const torch::Tensor& latent,
                             const torch::Tensor& theta) {
  return torch::where(latent.abs() >= theta, SignOf(latent), bits);
}

torch::Tensor SymmetricCodes(const torch::Tensor& weight, const torch::Tensor& scale, int bits) {
  const double highest = HighestCode(bits);
  return torch::clamp(torch::round(weight / scale), -highest, highest);
}

torch::Tensor SymmetricScale(const torch::Tensor& weight, int bits, bool per_channel) {
  // In double and floored, as quant::SymmetricScale.
  return (weight.detach()
              .abs()
              .amax(ScaleAxes(weight, per_channel), /*keepdim=*/true)
              .to(torch::kDouble) /
          HighestCode(bits))
      .to(torch::kFloat)
      .clamp_min(std::numeric_limits<float>::min());
}

torch::Tensor LearnedStepWeight(const torch::Tensor& weight, const torch::Tensor& step, int bits) {
  return LearnedStepFunction::apply(weight, step, int64_t{bits});
}

torch::Tensor DoReFaCodes(const torch::Tensor& unit, int bits) {
  const double highest = DoReFaHighest(bits);
  if (bits == 8) return torch::round(highest * unit);
  return 2 * torch::round(highest * (unit / 2 + .5)) - highest;
}

torch::Tensor SymmetricWeight(const torch::Tensor& weight, int bits, bool per_channel) {
  return StraightThroughRound::apply(weight, SymmetricScale(weight, bits, per_channel),
                                     int64_t{bits});
}

}  // namespace signum::train
