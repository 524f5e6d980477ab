// The options that `train` and `quantize` share, as typed. Links no libtorch, so
// that `signum` can explain them.
#ifndef SIGNUM_APPS_LEARN_FLAGS_H_
#define SIGNUM_APPS_LEARN_FLAGS_H_

#include <CLI/CLI.hpp>
#include <string>

#include "run_arguments.h"
#include "signum/result.h"

namespace signum::apps {

struct LearnRequest {
  RunArguments arguments;
  std::string run;      // the run folder; empty chooses one
  std::string resume;   // go on with the run in this folder; arguments are its own
  std::string recipe;   // a name or a file (recipe.h); empty: one run by `arguments`
  bool sanity = false;  // only see whether the network can learn one batch
  bool json = false;
};

// --data, --data-folder, --run, --resume, --recipe, --sanity, -o and --json.
void AddLearnFlags(CLI::App& command, LearnRequest& request);

// Beside --resume only -o and --json are taken; anything else is an error that
// names it.
Status CheckResumeFlags(const CLI::App& command);

// Beside --recipe, no setting that the recipe makes: only what is about data, machine and places.
Status CheckRecipeFlags(const CLI::App& command);

// The rate of the optimizer where --lr was not given: Adam's steps do not shrink
// with the gradient, so it needs a smaller one than sgd.
void ChooseLearningRate(const CLI::App& command, train::TrainConfig& config);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_LEARN_FLAGS_H_
