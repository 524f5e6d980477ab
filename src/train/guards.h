// What tells, from one epoch to the next, that a layer no longer learns.
#ifndef SIGNUM_TRAIN_GUARDS_H_
#define SIGNUM_TRAIN_GUARDS_H_

#include <torch/torch.h>

#include <map>
#include <string>

#include "signum/result.h"

namespace signum::train {

// What an epoch did, by layer or quantizer.
struct EpochSigns {
  int64_t epoch = 0, epochs = 0, steps = 0;    // the epoch, from 0; of how many; steps that it had
  std::map<std::string, torch::Tensor> bits;   // of 1-bit weights
  std::map<std::string, torch::Tensor> codes;  // of others
  std::map<std::string, double> flip_rates;    // the share of bits that it changed
  std::map<std::string, torch::Tensor> scales_at_start;  // of the run, or since it went on
  std::map<std::string, torch::Tensor> scales;
};

// An error with the layer's name and advice where
//   all bits or codes of a layer are equal, 100 or more;
//   an epoch of 100 steps or more in the first half of the run flips none of 100 bits or more;
//   an epoch after the first flips .48 of 1000 bits or more: what chance would;
//   a learned scale is a thousand times what it was, or a thousandth, or no number.
Status CheckEpoch(const EpochSigns& signs);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_GUARDS_H_
