// A loader's batch as torch tensors.
#ifndef SIGNUM_TRAIN_BATCH_H_
#define SIGNUM_TRAIN_BATCH_H_

#include <torch/torch.h>

#include "data/loader.h"

namespace signum::train {

// {n, c, h, w}; a view, valid while `batch` is unchanged.
inline torch::Tensor ImagesOf(data::Batch& batch, const Shape& shape) {
  return torch::from_blob(batch.images.data(), {batch.size(), shape[0], shape[1], shape[2]},
                          torch::kFloat);
}

// {n} int64; a view likewise.
inline torch::Tensor LabelsOf(data::Batch& batch) {
  return torch::from_blob(batch.labels.data(), {batch.size()}, torch::kLong);
}

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_BATCH_H_
