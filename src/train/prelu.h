// torch::prelu with loops that vectorize: libtorch 1.13's took a fifth of a step of a ResNet-20
// with PReLUs.
#ifndef SIGNUM_TRAIN_PRELU_H_
#define SIGNUM_TRAIN_PRELU_H_

#include <torch/torch.h>

namespace signum::train {

// x where x > 0, else slope_c x (He et al., "Delving Deep into Rectifiers", ICCV 2015, equation
// 1). x: {n, c, ...}; slope: {c} or {1}.
torch::Tensor PRelu(const torch::Tensor& x, const torch::Tensor& slope);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_PRELU_H_
