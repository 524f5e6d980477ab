// What `signum train` and `signum quantize` were asked to do, as the command
// line gives it and as args.toml in the run folder keeps it for --resume.
#ifndef SIGNUM_APPS_RUN_ARGUMENTS_H_
#define SIGNUM_APPS_RUN_ARGUMENTS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "graph/passes/insert_quantizers.h"
#include "model_argument.h"
#include "signum/result.h"
#include "train/config.h"

namespace signum::apps {

struct RunArguments {
  std::string verb;   // "train" or "quantize"
  std::string model;  // a file or a zoo name
  std::string data;   // a dataset's name
  std::string data_folder;
  std::string teacher;  // a file, "float" (quantize: the model itself), or "none"
  std::string output;   // where the finished model also goes; may be empty
  ZooFlags zoo;
  std::string switchable;  // of train: "1,2,8,32", the bits of a network of several precisions
  bool bi_real = false;    // a shortcut for every convolution (ShortcutPerConvolution)
  bool rprelu = false;     // PReLUs for ReLUs (UsePRelu)
  train::TrainConfig training;
  QuantizationPolicy quantization;  // of quantize
};

// Visits what is to be learned, from what, and where it goes: by name, for files of settings.
template <typename Arguments, typename Visit>
void VisitPlaces(Arguments& a, Visit&& visit) {
  visit("verb", a.verb);
  visit("model", a.model);
  visit("data", a.data);
  visit("data-folder", a.data_folder);
  visit("output", a.output);
  visit("input", a.zoo.input);
  visit("classes", a.zoo.classes);
  visit("variant", a.zoo.variant);
}

// Declares --epochs, --lr and every other setting of training on the command;
// `config` holds the defaults and must outlive the parsing.
void AddTrainingFlags(CLI::App& command, train::TrainConfig& config);

// Declares --bi-real and --rprelu.
void AddNetworkFlags(CLI::App& command, RunArguments& arguments);

// The bits of --switchable, falling.
Result<std::vector<int>> SwitchableBits(const std::string& text);

// To and from args.toml. The error names the file and the setting.
Status WriteArguments(const RunArguments& arguments, const std::string& path);
Result<RunArguments> ReadArguments(const std::string& path);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_RUN_ARGUMENTS_H_
