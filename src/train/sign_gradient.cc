#include "train/sign_gradient.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace signum::train {
namespace {

torch::Tensor SwishSlope(const torch::Tensor& x) {
  constexpr double kBeta = 5;
  // cosh overflows for large |x|, where the slope is 0 long since.
  const torch::Tensor v = torch::clamp(kBeta * x, -60, 60);
  return kBeta * (2 - v * torch::tanh(v / 2)) / (1 + torch::cosh(v));
}

}  // namespace

SignGradient ParseSignGradient(const std::string& name) {
  const auto* found = std::find(kSignGradientNames.begin(), kSignGradientNames.end(), name);
  SIGNUM_CHECK(found != kSignGradientNames.end());
  return static_cast<SignGradient>(found - kSignGradientNames.begin());
}

EdeShape EdeAt(double progress) {
  constexpr double kFirst = 0.1, kLast = 10;
  const double t = kFirst * std::pow(kLast / kFirst, std::clamp(progress, 0.0, 1.0));
  return {t, std::max(1 / t, 1.0)};
}

torch::Tensor EdeSlope(const EdeShape& shape, const torch::Tensor& x) {
  return shape.k * shape.t * (1 - torch::tanh(shape.t * x).square());
}

torch::Tensor SignSlope(SignGradient kind, double progress, const torch::Tensor& x) {
  switch (kind) {
    case SignGradient::kStraightThrough: return (x.abs() < 1).to(x.scalar_type());
    case SignGradient::kBiReal: return torch::clamp_min(2 - 2 * x.abs(), 0);
    case SignGradient::kSwishSign: return SwishSlope(x);
    case SignGradient::kEde: return EdeSlope(EdeAt(progress), x);
  }
  SIGNUM_CHECK(false && "every kind is handled above");
  return {};
}

}  // namespace signum::train
