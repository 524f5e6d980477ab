// Training and retraining of a Graph. Knows no file but its checkpoint: what is
// written to a run folder and shown to people is its observer's business.
// Exceptions of libtorch stop here and become errors.
#ifndef SIGNUM_TRAIN_TRAINER_H_
#define SIGNUM_TRAIN_TRAINER_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "graph/graph.h"
#include "signum/result.h"
#include "train/config.h"

namespace signum::train {

// Where a run is within an epoch. The loss and accuracy are means since its start.
struct BatchProgress {
  int64_t epoch = 0, epochs = 0;
  int64_t images_done = 0, images = 0;
  double loss = 0, accuracy = 0;
};

struct EpochResult {
  int64_t epoch = 0;  // from 0
  double train_loss = 0, train_accuracy = 0;
  double test_loss = 0, test_accuracy = 0;
  std::vector<double> narrower_accuracies;  // of test images, of the request's narrower networks
  double learning_rate = 0;                 // of the last step
  double seconds = 0;
  double images_per_second = 0;              // of training alone
  std::map<std::string, double> flip_rates;  // by layer: share of bits that the epoch flipped
  bool best = false;                         // the best test accuracy so far
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnBatch(const BatchProgress&) {}
  // Before the checkpoint of the epoch is written; on an error training stops.
  virtual Status OnEpoch(const EpochResult&, const Graph& /*snapshot*/) { return {}; }
};

struct TrainRequest {
  const Graph* network = nullptr;  // float, or with quantizers (see InsertQuantizers)
  const Graph* teacher = nullptr;  // for distillation; may be null
  // The same network at fewer bits each, by falling bits, to be trained with it: one set of
  // weights and biases of layers, norms and scales for each; each learns from the one before
  // as from a teacher, by the shares of distillation (Du et al., "From Quantized DNNs to
  // Quantizable DNNs", 2020). The gradient is the mean of all.
  std::vector<const Graph*> narrower = {};
  const data::Dataset* train = nullptr;
  const data::Dataset* test = nullptr;
  TrainConfig config;
  std::string checkpoint_path;  // empty: none is written
  bool resume = false;          // from the checkpoint, if it is there
  // Set the scales of quantizers from the training images before the first step.
  bool calibrate = false;
};

struct TrainOutcome {
  // The request's network; beside weights with an offset, with layers that add it
  // (graph/passes/weight_offsets.h), as in each snapshot.
  Graph network;                // after the last epoch, its batch-norm statistics re-estimated
  Graph latents;                // the float weights behind it: for training on (Latents)
  std::vector<Graph> narrower;  // of the request's
  double test_accuracy = 0, test_loss = 0;  // of that network, in the trainer
  double best_accuracy = 0;                 // of any epoch
  int64_t best_epoch = 0;
};

// Whether the settings are in range and fit the networks, the data and this
// libtorch: what Train checks first, for callers that want to know before they
// make anything.
Status CheckRequest(const TrainRequest& request);

// Runs all epochs. Errors: settings or shapes that do not fit, an error of the
// observer or of the disk, a loss that is not a number, with the epoch, step
// and layer where that began, or a layer that no longer learns (guards.h).
Result<TrainOutcome> Train(const TrainRequest& request, Observer& observer);

// Whether the network can learn at all: what `steps` steps of Adam, at the better of kSanityRates,
// do to the cross-entropy of one batch of training images, without augmentation, dropout and
// teacher. Of the settings, those of quantizers and of batches count.
struct SanityOutcome {
  int64_t steps = 0;
  double first_loss = 0, last_loss = 0;  // of several precisions, the worst's
  double chance = 0;                     // ln(classes): the loss of a network that knows nothing
  // A quarter below chance, where a bias for each class alone cannot get, and a quarter below the
  // start, where a trained network may be already.
  bool passed() const { return last_loss < 0.75 * std::min(chance, std::max(first_loss, 0.1)); }
};
inline constexpr int64_t kSanitySteps = 50;
inline constexpr double kSanityRates[] = {3e-3, 3e-4};  // the latter for networks without norms
Result<SanityOutcome> CheckSanity(const TrainRequest& request);

// The trainer's own forward pass over a dataset: the output {classes} of every
// image in order, row after row.
Result<std::vector<float>> Predict(const Graph& network, const data::Dataset& dataset,
                                   const TrainConfig& config);

// How many epochs the checkpoint at `path` has behind it; 0 where there is none.
Result<int64_t> EpochsDone(const std::string& checkpoint_path);

// Which libtorch, which BLAS and how many threads training will use, for logs.
std::string BackendDescription(const TrainConfig& config);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_TRAINER_H_
