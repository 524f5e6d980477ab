// The losses that training minimizes.
#ifndef SIGNUM_TRAIN_LOSS_H_
#define SIGNUM_TRAIN_LOSS_H_

#include <torch/torch.h>

namespace signum::train {

// Cross-entropy of logits {n, classes} and labels {n}, with the label's share
// 1 - smoothing (Szegedy et al., "Rethinking the Inception Architecture", 2016,
// section 7).
inline torch::Tensor CrossEntropy(const torch::Tensor& logits, const torch::Tensor& labels,
                                  double smoothing) {
  return torch::cross_entropy_loss(logits, labels, /*weight=*/{}, at::Reduction::Mean,
                                   /*ignore_index=*/-100, smoothing);
}

// T^2 KL(teacher / T || student / T), the mean over images (Hinton et al.,
// "Distilling the Knowledge in a Neural Network", 2015, section 2).
inline torch::Tensor Distillation(const torch::Tensor& student, const torch::Tensor& teacher,
                                  double temperature) {
  const torch::Tensor log_p = torch::log_softmax(student / temperature, 1);
  const torch::Tensor log_q = torch::log_softmax(teacher / temperature, 1);
  return temperature * temperature * (log_q.exp() * (log_q - log_p)).sum(1).mean();
}

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_LOSS_H_
