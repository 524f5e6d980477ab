// What stands for the derivative of a sign, which is 0 almost everywhere: the ways of the
// literature, as numbers. Knows no graph.
#ifndef SIGNUM_TRAIN_SIGN_GRADIENT_H_
#define SIGNUM_TRAIN_SIGN_GRADIENT_H_

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <string>

namespace signum::train {

enum class SignGradient : int64_t { kStraightThrough, kBiReal, kSwishSign, kEde };

// Their names on the command line, in the order of the enumeration.
inline constexpr std::array<const char*, 4> kSignGradientNames = {"straight-through", "bi-real",
                                                                  "swish-sign", "ede"};

// One of kSignGradientNames.
SignGradient ParseSignGradient(const std::string& name);

// The shape of IR-Net's error decay estimator, k tanh(t x), after a share of the run
// (progress, 0 to 1): t grows from 0.1 to 10 by equal factors, and k = max(1 / t, 1)
// (Qin et al., "Forward and Backward Information Retention", CVPR 2020, equations 9 to 11).
struct EdeShape {
  double t = 1, k = 1;
};
EdeShape EdeAt(double progress);

// What a gradient is multiplied by on its way through sign(x), element by element:
//   straight-through  1 inside |x| < 1, else 0
//                     (Hubara et al., "Binarized Neural Networks", NeurIPS 2016, section 2.3)
//   bi-real           2 - 2 |x| inside |x| < 1, else 0
//                     (Liu et al., "Bi-Real Net", ECCV 2018, section 3.2)
//   swish-sign        b (2 - b x tanh(b x / 2)) / (1 + cosh(b x)), b = 5
//                     (Darabi et al., "BNN+", 2018, equation 5)
//   ede               k t (1 - tanh(t x)^2), k and t as EdeAt(progress) has them
torch::Tensor SignSlope(SignGradient kind, double progress, const torch::Tensor& x);
torch::Tensor EdeSlope(const EdeShape& shape, const torch::Tensor& x);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_SIGN_GRADIENT_H_
