// What a network learns from data without gradients: the scales of its value
// quantizers, and the statistics of its batch norms.
#ifndef SIGNUM_TRAIN_CALIBRATE_H_
#define SIGNUM_TRAIN_CALIBRATE_H_

#include <torch/torch.h>

#include "data/dataset.h"
#include "train/graph_module.h"

namespace signum::train {

// Sets every Quantize node whose scale was never set (NeedsScale) from one batch of
// images {n, c, h, w}, in order, so that each sees values quantized before it:
// quant::LeastErrorScale for 2 bits and more; for 1 bit the shift is each channel's mean
// and the scale the mean distance from it. Batch norms use the batch's own statistics, since
// weights that were just quantized no longer fit the running ones.
void CalibrateQuantizers(GraphModule& module, const torch::Tensor& images);

// Replaces the running statistics of every batch norm by their mean over
// config.reestimate_batches batches as training has them, augmentation and all:
// statistics of other images would not be those that the weights have learned for.
// Weights that were quantized or that moved to the last step change what the
// statistics should be (Peters and Welling, "Probabilistic Binary Neural
// Networks", 2018, section 4.2, re-estimate them alike).
void ReestimateBatchNorm(GraphModule& module, const data::Dataset& dataset,
                         const TrainConfig& config);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_CALIBRATE_H_
