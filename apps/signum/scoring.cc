#include "scoring.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <span>
#include <vector>

#include "data/loader.h"
#include "report/progress.h"

namespace signum::apps {
namespace {

using Clock = std::chrono::steady_clock;

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

}  // namespace

Status CheckFit(const Graph& graph, const data::Dataset& dataset) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  const Shape& output = shapes[graph.output()];
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

std::string DatasetOf(const Graph& graph) {
  const auto trained_on = graph.metadata.find("data");
  const bool known =
      trained_on != graph.metadata.end() && data::CheckDatasetName(trained_on->second);
  return known ? trained_on->second : "cifar10";
}

Result<Score> MeasureScore(const Graph& graph, const data::Dataset& dataset,
                           const ScoreOptions& options, const runtime::TacticNames& tactics) {
  SIGNUM_RETURN_IF_ERROR(CheckFit(graph, dataset));
  SIGNUM_ASSIGN_OR_RETURN(
      const auto executor,
      runtime::MakeExecutor(graph, {.threads = options.threads, .max_batch = options.batch},
                            tactics));
  const bool probabilities = std::holds_alternative<SoftmaxOp>(graph.node(graph.output()).op);
  data::BatchLoader loader(dataset, {.batch_size = options.batch, .limit = options.limit});
  report::ProgressBar progress(stderr, fmt::format("eval {}", dataset.name), loader.images(),
                               "images");
  const int64_t classes = executor->program().output_shape().elements();
  std::vector<float> outputs(options.batch * classes);
  data::Batch batch;
  Score score;
  while (loader.Next(&batch)) {
    const auto start = Clock::now();
    SIGNUM_RETURN_IF_ERROR(executor->Run(batch.images, batch.size(),
                                         std::span(outputs).first(batch.size() * classes)));
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

}  // namespace signum::apps
