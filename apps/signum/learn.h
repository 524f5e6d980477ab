// What `train` and `quantize` share: from arguments to a finished run.
#ifndef SIGNUM_APPS_LEARN_H_
#define SIGNUM_APPS_LEARN_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "agreement.h"
#include "learn_flags.h"
#include "signum/result.h"
#include "train/trainer.h"

namespace signum::apps {

// What came of a run.
struct Learned {
  std::string run, report, model;      // its folder, its report, where the finished model is
  std::string precision;               // "float"
  std::vector<LayerPrecision> layers;  // the exceptions to it
  double accuracy = 0;                 // of the test images, in the trainer
  double best_accuracy = 0;            // of any epoch
  int64_t epochs = 0, best_epoch = 0;
  int64_t file_bytes = 0;
  Agreement agreement;
  // Of a switchable network, by falling bits; the agreement above is the first one's.
  std::vector<std::pair<int, Agreement>> precisions;
  double seconds = 0;
};
nlohmann::ordered_json ToJson(const Learned& learned);

// Trains, or goes on with a run, writes the run folder, and checks that the runtime agrees with
// the trainer on the test images.
Result<Learned> LearnRun(const LearnRequest& request);

// Whether such a run could begin, without a folder for it.
Status CheckRun(const RunArguments& arguments);

// Whether such a run would learn (train::CheckSanity), without a folder for it.
Result<train::SanityOutcome> CheckRunSanity(const RunArguments& arguments);
nlohmann::ordered_json ToJson(const train::SanityOutcome& sanity);
std::string SanityText(const train::SanityOutcome& sanity);
// An error with advice where it would not.
Status VerdictOf(const train::SanityOutcome& sanity);

// What a recipe says: a run after the other, in folders of `request.run`; or with `request.sanity`
// the check of each.
Status LearnRecipe(const LearnRequest& request);
// Whether the folder holds the runs of a recipe.
bool IsRecipeRun(const std::string& folder);

// What the verbs do: a run, a recipe, or a check, and print what came of it.
Status Learn(const LearnRequest& request);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_LEARN_H_
