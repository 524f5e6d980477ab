// `signum eval`: how often a trained model is right.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "json_text.h"
#include "model_argument.h"
#include "report/progress.h"
#include "report/table.h"
#include "runtime/executor.h"
#include "tuning.h"
#include "verb.h"

namespace signum::apps {
namespace {

using Clock = std::chrono::steady_clock;

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

struct Score {
  int64_t images = 0;
  int64_t first = 0;     // the highest output is the right class
  int64_t top_five = 0;  // the right class is among the five highest
  double loss = 0;       // sum of cross-entropies, in nats
  double seconds = 0;    // in the network alone
};

// What has to fit between a model and a dataset, before anything runs.
Status CheckFit(const Graph& graph, const Shape& output, const data::Dataset& dataset) {
  const Shape& image = dataset.image_shape;
  const Shape expected{1, image[0], image[1], image[2]};
  if (graph.input_shape() != expected) {
    return InvalidArgument(fmt::format(
        "the model takes inputs of {} and the images of {} are {}; choose another --data, or train "
        "a model with --input {}",
        graph.input_shape().ToString(), dataset.name, expected.ToString(), image.ToString()));
  }
  const auto classes = static_cast<int64_t>(dataset.class_names.size());
  if (output.elements() != classes) {
    return InvalidArgument(
        fmt::format("the model gives {} values for an image and {} has {} classes; choose another "
                    "--data, or train a model with --classes {}",
                    output.elements(), dataset.name, classes, classes));
  }
  return {};
}

// Adds one image's outputs to the score. `outputs` are logits, or probabilities
// where the graph ends in a softmax.
void AddImage(std::span<const float> outputs, int64_t label, bool probabilities, Score& score) {
  const float right = outputs[label];
  int64_t higher = 0;  // classes that come before the right one; ties go to the lower index
  for (int64_t i = 0; i < static_cast<int64_t>(outputs.size()); ++i) {
    if (outputs[i] > right || (outputs[i] == right && i < label)) ++higher;
  }
  score.first += higher == 0;
  score.top_five += higher < 5;
  ++score.images;
  if (probabilities) {
    score.loss -= std::log(std::max(double{right}, 1e-30));
    return;
  }
  const float highest = *std::max_element(outputs.begin(), outputs.end());
  double sum = 0;
  for (float output : outputs) sum += std::exp(double{output} - double{highest});
  score.loss += std::log(sum) + double{highest} - double{right};
}

bool AllFinite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

Result<Score> Measure(runtime::Executor& executor, const data::Dataset& dataset, bool probabilities,
                      const EvalFlags& flags) {
  data::BatchLoader::Options options;
  options.batch_size = flags.batch;
  options.limit = flags.limit;
  data::BatchLoader loader(dataset, options);
  report::ProgressBar progress(stderr, fmt::format("eval {}", dataset.name), loader.images(),
                               "images");
  const int64_t classes = executor.program().output_shape().elements();
  std::vector<float> outputs(flags.batch * classes);
  data::Batch batch;
  Score score;
  while (loader.Next(&batch)) {
    const auto start = Clock::now();
    SIGNUM_RETURN_IF_ERROR(
        executor.Run(batch.images, batch.size(), std::span(outputs).first(batch.size() * classes)));
    score.seconds += std::chrono::duration<double>(Clock::now() - start).count();
    for (int64_t i = 0; i < batch.size(); ++i) {
      if (!AllFinite(std::span(outputs).subspan(i * classes, classes))) {
        return Corrupt(
            fmt::format("the network's output for test image {} is not a number; its weights are "
                        "too large: train it again with a lower --lr",
                        score.images));
      }
      AddImage(std::span(outputs).subspan(i * classes, classes), batch.labels[i], probabilities,
               score);
    }
    progress.Update(score.images,
                    fmt::format("accuracy {:.2f} %", 100.0 * score.first / score.images));
  }
  progress.Finish();
  return score;
}

void Print(const Score& score, const data::Dataset& dataset, const Graph& graph,
           const EvalFlags& flags) {
  const double images = static_cast<double>(score.images);
  const bool many = dataset.class_names.size() > 5;
  if (flags.json) {
    nlohmann::ordered_json json;
    json["model"] = flags.model;
    json["network"] = graph.name;
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
  table.AddRow({"images", report::HumanCount(score.images)});
  table.AddRow({"top-1 accuracy", fmt::format("{:.2f} %", 100 * score.first / images)});
  if (many)
    table.AddRow({"top-5 accuracy", fmt::format("{:.2f} %", 100 * score.top_five / images)});
  table.AddRow({"loss", fmt::format("{:.4f}", score.loss / images)});
  table.AddRow({"images/s", report::HumanCount(std::llround(images / score.seconds))});
  std::fputs(table.ToText().c_str(), stdout);
}

// What --data says, or else what the model's file says that it was trained on.
std::string DatasetOf(const EvalFlags& flags, const Graph& graph) {
  if (!flags.data.empty()) return flags.data;
  const auto trained_on = graph.metadata.find("data");
  const bool known =
      trained_on != graph.metadata.end() && data::CheckDatasetName(trained_on->second);
  return known ? trained_on->second : "cifar10";
}

Status Eval(const EvalFlags& flags) {
  if (!flags.data.empty()) SIGNUM_RETURN_IF_ERROR(data::CheckDatasetName(flags.data));
  SIGNUM_RETURN_IF_ERROR(CheckTrained(flags.model));
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph, LoadGraph(flags.model, zoo::ZooOptions{}, flags.bits));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  SIGNUM_ASSIGN_OR_RETURN(
      const data::Dataset dataset,
      data::LoadDataset(DatasetOf(flags, graph), data::Split::kTest, flags.data_folder));
  SIGNUM_RETURN_IF_ERROR(CheckFit(graph, shapes[graph.output()], dataset));
  runtime::TacticNames tactics;
  if (flags.tune) {
    SIGNUM_ASSIGN_OR_RETURN(tactics, TuneHere(graph, flags.threads, flags.batch));
  }
  SIGNUM_ASSIGN_OR_RETURN(
      const auto executor,
      runtime::MakeExecutor(graph, {.threads = flags.threads, .max_batch = flags.batch}, tactics));
  const bool probabilities = std::holds_alternative<SoftmaxOp>(graph.node(graph.output()).op);
  SIGNUM_ASSIGN_OR_RETURN(const Score score, Measure(*executor, dataset, probabilities, flags));
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
