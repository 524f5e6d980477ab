// Learning-rate schedules as pure functions of the step.
#ifndef SIGNUM_TRAIN_SCHEDULE_H_
#define SIGNUM_TRAIN_SCHEDULE_H_

#include <cstdint>

#include "train/config.h"

namespace signum::train {

// The learning rate of step `step` of `steps`, of which `steps_per_epoch` make an
// epoch. After a linear warm-up of warmup_epochs: "constant"; "multi-step"
// (times milestone_factor at each milestone); "cosine" (Loshchilov and Hutter,
// "SGDR", ICLR 2017, without restarts, to 0); "one-cycle" (Smith and Topin,
// "Super-Convergence", 2018: cosine from 1/25 of the peak up to it over the first
// 30 % of the steps, and down to 1/10,000 of the start; as PyTorch's
// OneCycleLR, but that momentum stays as it is).
double LearningRate(const TrainConfig& config, int64_t step, int64_t steps,
                    int64_t steps_per_epoch);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_SCHEDULE_H_
