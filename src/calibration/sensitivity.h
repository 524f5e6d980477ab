// What bits a layer needs, by measurement: how the loss rises where it alone gets fewer, what it
// then takes in a file, and how long it then runs on this machine.
#ifndef SIGNUM_CALIBRATION_SENSITIVITY_H_
#define SIGNUM_CALIBRATION_SENSITIVITY_H_

#include <string>
#include <vector>

#include "calibration/observe.h"
#include "calibration/post_training.h"
#include "graph/graph.h"
#include "signum/result.h"

namespace signum::calibration {

// A layer's weights at a number of bits, all others at the most bits of all candidates.
struct Probe {
  int bits = 0;
  double loss_rise = 0;      // of the mean cross-entropy, in nats; never below 0
  double accuracy_drop = 0;  // share of the images
  double bytes = 0;          // of its weights and scales in a file
  double milliseconds = 0;   // of its steps, for one image on one thread; 0 where not timed
};

struct LayerProbes {
  std::string layer;
  std::vector<Probe> probes;  // by candidate, in their order
};

struct Sensitivity {
  std::vector<LayerProbes> layers;
  int64_t images = 0;             // that were measured
  double loss = 0, accuracy = 0;  // with the most bits everywhere
  Graph most;                     // that network
  double other_milliseconds = 0;  // of all other steps
};

// Probes every layer whose weights have the policy's bits by its general rule, so neither the
// first and the last nor those with a precision of their own. Scales are calibrated once, without
// training, and weights frozen (QuantizeAfterTraining without bias correction); losses are those of
// the same images. candidates: numbers of bits, 1 to 8, ascending. Progress in stages "ranges",
// "histograms", "layers" and, with `timed`, "times".
Result<Sensitivity> MeasureSensitivity(const Graph& graph, const PostTrainingOptions& options,
                                       const std::vector<int>& candidates, const Images& images,
                                       bool timed);

}  // namespace signum::calibration

#endif  // SIGNUM_CALIBRATION_SENSITIVITY_H_
