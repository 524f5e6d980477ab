// `signum eval`: how often a trained model is right.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "json_text.h"
#include "layer_precision.h"
#include "model_argument.h"
#include "report/table.h"
#include "runtime/executor.h"
#include "scoring.h"
#include "tuning.h"
#include "verb.h"

namespace signum::apps {
namespace {

struct EvalFlags {
  int bits = 0;  // of a switchable model; 0: the most
  std::string model;
  std::string data;  // empty: what the model was trained on
  std::string data_folder;
  int64_t batch = 128;
  int threads = AvailableCores();
  int64_t limit = 0;
  bool tune = false;
  bool json = false;
};

void Print(const Score& score, const data::Dataset& dataset, const Graph& graph,
           const EvalFlags& flags) {
  const double images = static_cast<double>(score.images);
  const bool many = dataset.class_names.size() > 5;
  if (flags.json) {
    nlohmann::ordered_json json;
    json["model"] = flags.model;
    json["network"] = graph.name;
    json["precision"] = PrecisionAt(graph, flags.bits);
    json["data"] = dataset.name;
    json["images"] = score.images;
    json["top1"] = score.first / images;
    if (many) json["top5"] = score.top_five / images;
    json["loss"] = score.loss / images;
    json["images_per_second"] = images / score.seconds;
    json["threads"] = flags.threads;
    json["batch"] = flags.batch;
    std::fputs(JsonText(json).c_str(), stdout);
    return;
  }
  report::Table table({{"measure"}, {"value", true}});
  table.AddRow({"precision", PrecisionAt(graph, flags.bits)});
  table.AddRow({"images", report::HumanCount(score.images)});
  table.AddRow({"top-1 accuracy", fmt::format("{:.2f} %", 100 * score.first / images)});
  if (many)
    table.AddRow({"top-5 accuracy", fmt::format("{:.2f} %", 100 * score.top_five / images)});
  table.AddRow({"loss", fmt::format("{:.4f}", score.loss / images)});
  table.AddRow({"images/s", report::HumanCount(std::llround(images / score.seconds))});
  std::fputs(table.ToText().c_str(), stdout);
}

Status Eval(const EvalFlags& flags) {
  if (!flags.data.empty()) SIGNUM_RETURN_IF_ERROR(data::CheckDatasetName(flags.data));
  SIGNUM_RETURN_IF_ERROR(CheckTrained(flags.model));
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph, LoadGraph(flags.model, zoo::ZooOptions{}, flags.bits));
  SIGNUM_RETURN_IF_ERROR(CheckNotLatent(graph));
  SIGNUM_ASSIGN_OR_RETURN(const data::Dataset dataset,
                          data::LoadDataset(flags.data.empty() ? DatasetOf(graph) : flags.data,
                                            data::Split::kTest, flags.data_folder));
  SIGNUM_RETURN_IF_ERROR(CheckFit(graph, dataset));  // before what takes time
  runtime::TacticNames tactics;
  if (flags.tune) {
    SIGNUM_ASSIGN_OR_RETURN(tactics, TuneHere(graph, flags.threads, flags.batch));
  }
  SIGNUM_ASSIGN_OR_RETURN(
      const Score score,
      MeasureScore(graph, dataset,
                   {.batch = flags.batch, .threads = flags.threads, .limit = flags.limit},
                   tactics));
  Print(score, dataset, graph, flags);
  return {};
}

}  // namespace

Action AddEval(CLI::App& command) {
  const auto flags = std::make_shared<EvalFlags>();
  AddModelArgument(command, flags->model, "a trained .sgn file, or a name of models/")->required();
  AddBitsFlag(command, flags->bits);
  command.add_option("--data", flags->data,
                     "the dataset whose test images are classified; without it, the one that the "
                     "model was trained on");
  command.add_option("--data-folder", flags->data_folder, "where the dataset is")
      ->type_name("FOLDER");
  command.add_option("--batch", flags->batch, "images that run at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command.add_option("--threads", flags->threads, "threads that share a batch")
      ->capture_default_str()
      ->check(CLI::Range(1, runtime::kMaxThreads));
  command.add_option("--limit", flags->limit, "only the first N images; 0 for all")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40).description(""));
  AddTuneFlag(command, flags->tune);
  command.add_flag("--json", flags->json, "print JSON instead of a table");
  return [flags] { return Eval(*flags); };
}

}  // namespace signum::apps
