// Whether the runtime computes what the trainer computed.
#ifndef SIGNUM_APPS_AGREEMENT_H_
#define SIGNUM_APPS_AGREEMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "signum/result.h"

namespace signum::apps {

struct Agreement {
  int64_t images = 0;
  int64_t same_class = 0;  // images to which both give the same class
  double trainer_accuracy = 0, runtime_accuracy = 0;
};

// The runtime's outputs {images, classes} for the first `limit` images (0: all),
// from the model file at `path`, of several precisions the one of `bits` (Model::Load).
Result<std::vector<float>> RuntimeOutputs(const std::string& path, int bits,
                                          const data::Dataset& dataset, int64_t limit, int threads);

// Both outputs are {images, classes} for the first images of the dataset.
Agreement Compare(const std::vector<float>& trainer, const std::vector<float>& runtime,
                  const data::Dataset& dataset);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_AGREEMENT_H_
