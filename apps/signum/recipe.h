// Recipes: how a network is trained to a precision, step by step, as TOML files that users read,
// copy and change.
//
//   [[step]]                  # in the order in which they are taken
//   verb = "train"            # in float; or "quantize"
//   epochs = 10               # any setting of that verb, by the name of its flag, but
//                             # residual-bits for --residuals, per-channel = false for
//                             # --per-layer, clip = false for --no-clip
//   [[step]]
//   verb = "quantize"
//   weights = 1
//   activations = 8
//   teacher = "float"         # what the first steps, in float, gave; or "none"
//   layers = ["fc=w4a8"]      # as --layer takes it
//
// A step starts from the network that the one before gave, with the float weights behind its codes.
#ifndef SIGNUM_APPS_RECIPE_H_
#define SIGNUM_APPS_RECIPE_H_

#include <string>
#include <vector>

#include "run_arguments.h"
#include "signum/result.h"

namespace signum::apps {

struct Recipe {
  std::string name;
  std::string text;                 // of the file
  std::vector<RunArguments> steps;  // without model, data and output
};

// A recipe that comes with Signum, by name, or any file ("my.toml"). An error names the file and
// the line, or what recipes there are.
Result<Recipe> ReadRecipe(const std::string& name_or_path);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_RECIPE_H_
