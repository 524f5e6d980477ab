// What moves the tensors that learn, by the settings.
#ifndef SIGNUM_TRAIN_OPTIMIZER_H_
#define SIGNUM_TRAIN_OPTIMIZER_H_

#include <torch/torch.h>

#include <memory>
#include <vector>

#include "train/config.h"

namespace signum::train {

// What an optimizer moves: with weight decay, and without.
struct Learning {
  std::vector<torch::Tensor> decayed, others;
};

// sgd, adam or adamw at the peak learning rate.
std::unique_ptr<torch::optim::Optimizer> MakeOptimizer(const Learning& learning,
                                                       const TrainConfig& config);

// Takes all gradients away, so that the next are taken as they are; libtorch's zero_grad leaves
// zeros, to which the next are added.
void ForgetGradients(torch::optim::Optimizer& optimizer);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_OPTIMIZER_H_
