// How often a network is right on a dataset's images, as the runtime runs it.
#ifndef SIGNUM_APPS_SCORING_H_
#define SIGNUM_APPS_SCORING_H_

#include <cstdint>
#include <string>

#include "data/dataset.h"
#include "graph/graph.h"
#include "runtime/executor.h"
#include "signum/result.h"

namespace signum::apps {

// The dataset that a model's file says it was trained on; where it says none that is known,
// cifar10.
std::string DatasetOf(const Graph& graph);

struct Score {
  int64_t images = 0;
  int64_t first = 0;     // the highest output is the right class
  int64_t top_five = 0;  // the right class is among the five highest
  double loss = 0;       // sum of cross-entropies, in nats
  double seconds = 0;    // in the network alone
};

struct ScoreOptions {
  int64_t batch = 128;
  int threads = 1;
  int64_t limit = 0;  // only the first images; 0: all
};

// Whether the network takes the dataset's images and gives its classes.
Status CheckFit(const Graph& graph, const data::Dataset& dataset);

// Runs the network on the dataset's images, with a progress bar on standard error. `tactics`: by
// TuneHere, or none. An error says what does not fit, or which image has no result.
Result<Score> MeasureScore(const Graph& graph, const data::Dataset& dataset,
                           const ScoreOptions& options, const runtime::TacticNames& tactics = {});

}  // namespace signum::apps

#endif  // SIGNUM_APPS_SCORING_H_
