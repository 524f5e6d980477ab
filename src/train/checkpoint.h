// The state of a training run on disk: all that a resumed run needs to go on to
// the same bits. Written beside and renamed, so that a kill leaves the last one.
#ifndef SIGNUM_TRAIN_CHECKPOINT_H_
#define SIGNUM_TRAIN_CHECKPOINT_H_

#include <torch/torch.h>

#include <map>
#include <string>

#include "signum/result.h"

namespace signum::train {

// Where a run stands.
struct Position {
  int64_t epochs_done = 0;
  double best_accuracy = -1;  // of the test images, 0..1; -1 before the first epoch
  int64_t best_epoch = -1;
};

// Shuffling and augmentation follow from seed and epoch, so the only random
// state is torch's own generator, which dropout draws from.
Status SaveCheckpoint(const std::string& path, const std::map<std::string, torch::Tensor>& state,
                      torch::optim::Optimizer& optimizer, const Position& position);

// Restores the tensors of `state`, all on one device, optimizer and torch's generator. An error
// names the file, and what of it does not fit the network.
Result<Position> LoadCheckpoint(const std::string& path,
                                const std::map<std::string, torch::Tensor>& state,
                                torch::optim::Optimizer& optimizer);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_CHECKPOINT_H_
