// Losses and right answers over batches.
#ifndef SIGNUM_TRAIN_TALLY_H_
#define SIGNUM_TRAIN_TALLY_H_

#include <torch/torch.h>

#include <algorithm>
#include <cstdint>

namespace signum::train {

// Sums of losses and right answers over batches.
struct Tally {
  double loss = 0;
  int64_t right = 0, images = 0;
  void Add(double batch_loss, const torch::Tensor& logits, const torch::Tensor& labels) {
    const int64_t n = labels.size(0);
    loss += batch_loss * static_cast<double>(n);
    right += (logits.argmax(1) == labels).sum().item<int64_t>();
    images += n;
  }
  double mean_loss() const { return loss / static_cast<double>(std::max<int64_t>(images, 1)); }
  double accuracy() const {
    return static_cast<double>(right) / static_cast<double>(std::max<int64_t>(images, 1));
  }
};

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_TALLY_H_
