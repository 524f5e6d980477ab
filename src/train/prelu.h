// torch::prelu with loops that vectorize, as those of libtorch 1.13 do not.
#ifndef SIGNUM_TRAIN_PRELU_H_
#define SIGNUM_TRAIN_PRELU_H_

#include <torch/torch.h>

namespace signum::train {

// x where x > 0, else slope_c x (He et al., "Delving Deep into Rectifiers", ICCV 2015, equation
// 1). x: {n, c, ...}; slope: {c} or {1}.
torch::Tensor PRelu(const torch::Tensor& x, const torch::Tensor& slope);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_PRELU_H_
