#include "train/optimizer.h"

namespace signum::train {

std::unique_ptr<torch::optim::Optimizer> MakeOptimizer(const Learning& learning,
                                                       const TrainConfig& c) {
  const auto groups = [&](auto options) {
    std::vector<torch::optim::OptimizerParamGroup> made;
    auto with_decay = options;
    with_decay.weight_decay(c.weight_decay);
    options.weight_decay(0);
    using Options = decltype(options);
    made.emplace_back(learning.decayed, std::make_unique<Options>(with_decay));
    made.emplace_back(learning.others, std::make_unique<Options>(options));
    return made;
  };
  if (c.optimizer == "adam") {
    const torch::optim::AdamOptions options(c.learning_rate);
    return std::make_unique<torch::optim::Adam>(groups(options), options);
  }
  if (c.optimizer == "adamw") {
    const torch::optim::AdamWOptions options(c.learning_rate);
    return std::make_unique<torch::optim::AdamW>(groups(options), options);
  }
  auto options = torch::optim::SGDOptions(c.learning_rate)
                     .momentum(c.momentum)
                     .nesterov(c.nesterov && c.momentum > 0);
  return std::make_unique<torch::optim::SGD>(groups(options), options);
}

void ForgetGradients(torch::optim::Optimizer& optimizer) {
  for (auto& group : optimizer.param_groups()) {
    for (torch::Tensor& tensor : group.params()) tensor.mutable_grad().reset();
  }
}

}  // namespace signum::train
