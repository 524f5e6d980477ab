// The batches of training, and a loader's batch as torch tensors.
#ifndef SIGNUM_TRAIN_BATCH_H_
#define SIGNUM_TRAIN_BATCH_H_

#include <torch/torch.h>

#include "data/loader.h"
#include "graph/graph.h"
#include "train/config.h"

namespace signum::train {

// How training reads its images in `epoch`: shuffled, augmented, full batches.
inline data::BatchLoader::Options TrainingBatches(const Graph& graph, const TrainConfig& config,
                                                  int64_t epoch) {
  data::BatchLoader::Options options{
      .batch_size = config.batch_size,
      .shuffle = true,
      .drop_last = true,
      .augmentation = {.crop_padding = static_cast<int>(config.crop_padding), .flip = config.flip},
      .seed = config.seed,
      .epoch = epoch,
      .limit = config.train_limit};
  // Padded with the mean, which the network's normalization makes 0.
  for (const NodeId reader : graph.Readers(0)) {
    if (const auto* normalize = std::get_if<NormalizeOp>(&graph.node(reader).op)) {
      options.augmentation.fill = normalize->mean;
    }
  }
  return options;
}

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
