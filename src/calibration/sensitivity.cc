#include "calibration/sensitivity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <span>

#include "calibration/quantizers.h"
#include "data/loader.h"
#include "graph/cost.h"
#include "graph/passes/equalize_layers.h"
#include "graph/passes/fold_batch_norm.h"
#include "quant/freeze_weights.h"

namespace signum::calibration {
namespace {

struct Score {
  double loss = 0, accuracy = 0;
};

// Minus the logarithm of the probability of `label`, by logits or probabilities.
double CrossEntropy(std::span<const float> outputs, int64_t label, bool probabilities) {
  if (probabilities) return -std::log(std::max(outputs[label], 1e-30f));
  const double most = *std::max_element(outputs.begin(), outputs.end());
  double sum = 0;
  for (float output : outputs) sum += std::exp(output - most);
  return most + std::log(sum) - outputs[label];
}

Result<Score> ScoreOf(const Graph& graph, const Images& images) {
  constexpr int64_t kBatch = 64;
  SIGNUM_ASSIGN_OR_RETURN(
      const auto executor,
      runtime::MakeExecutor(graph, {.threads = images.threads, .max_batch = kBatch}));
  const bool probabilities = std::holds_alternative<SoftmaxOp>(graph.node(graph.output()).op);
  const int64_t classes = executor->program().output_shape().elements();
  const int64_t elements = images.dataset->image_shape.elements();
  const std::vector<int64_t> order =
      data::EpochOrder(images.dataset->size(), images.seed, /*epoch=*/0);
  const InputSource source = PixelsOf(images);
  std::vector<float> inputs(kBatch * elements), outputs(kBatch * classes);
  Score score;
  for (int64_t first = 0; first < images.size(); first += kBatch) {
    const int64_t batch = std::min(kBatch, images.size() - first);
    source(first, batch, std::span(inputs).first(batch * elements));
    SIGNUM_RETURN_IF_ERROR(executor->Run(std::span(inputs).first(batch * elements), batch,
                                         std::span(outputs).first(batch * classes)));
    for (int64_t i = 0; i < batch; ++i) {
      const std::span<const float> row = std::span(outputs).subspan(i * classes, classes);
      const int64_t label = images.dataset->labels[order[first + i]];
      score.loss += CrossEntropy(row, label, probabilities);
      score.accuracy += std::max_element(row.begin(), row.end()) - row.begin() == label;
    }
  }
  score.loss /= static_cast<double>(images.size());
  score.accuracy /= static_cast<double>(images.size());
  return score;
}

// Milliseconds of steps, by the name of a step's first node: medians of runs of one image.
Result<std::map<std::string, double>> StepTimes(const Graph& graph) {
  constexpr int kRuns = 30;
  SIGNUM_ASSIGN_OR_RETURN(const auto executor, runtime::MakeExecutor(graph, {.profile = true}));
  const auto& steps = executor->program().steps();
  std::vector<float> input(graph.input_shape().elements(), 0.5f);
  std::vector<float> output(executor->program().output_shape().elements());
  std::vector<std::vector<double>> seconds(steps.size());
  for (int run = 0; run < kRuns; ++run) {
    executor->ResetProfile();
    SIGNUM_RETURN_IF_ERROR(executor->Run(input, 1, output));
    for (size_t i = 0; i < steps.size(); ++i) seconds[i].push_back(executor->step_seconds()[i]);
  }
  std::vector<double> medians;
  for (auto& runs : seconds) {
    std::nth_element(runs.begin(), runs.begin() + kRuns / 2, runs.end());
    medians.push_back(1e3 * runs[kRuns / 2]);
  }
  // Planes of bits are made for the layer that reads them, of several the first.
  std::map<std::string, double> times;
  for (size_t i = 0; i < steps.size(); ++i) {
    const int planes = steps[i].report.planes_step;
    if (planes < 0) continue;
    times[steps[i].report.name] += medians[planes];
    medians[planes] = 0;
  }
  for (size_t i = 0; i < steps.size(); ++i) times[steps[i].report.name] += medians[i];
  return times;
}

// The layers whose weights have the bits of the general rule: those that change with them.
Result<std::vector<NodeId>> GeneralLayers(const Graph& floats, QuantizationPolicy policy) {
  policy.weight_bits = 8;
  SIGNUM_ASSIGN_OR_RETURN(const Graph most, InsertQuantizers(floats, policy));
  policy.weight_bits = 7;
  SIGNUM_ASSIGN_OR_RETURN(const Graph fewer, InsertQuantizers(floats, policy));
  std::vector<NodeId> layers;
  for (NodeId id = 0; id < most.size(); ++id) {
    const WeightQuantizer* quantizer = WeightQuantizerOf(most.node(id).op);
    if (quantizer != nullptr && *quantizer != *WeightQuantizerOf(fewer.node(id).op)) {
      layers.push_back(id);
    }
  }
  if (layers.empty()) {
    return InvalidArgument("no layer is left to choose bits for, beside the first and the last");
  }
  return layers;
}

// One network with float weights, ready to be frozen at any bits.
class Prober {
 public:
  Prober(Graph calibrated, const PostTrainingOptions& options)
      : calibrated_(std::move(calibrated)), options_(options) {
    most_ = calibrated_;
    quant::FreezeWeights(most_, options_.weights);
  }

  // The layers of `ids` at `bits`, all others at the most.
  Graph With(const std::vector<NodeId>& ids, int bits) const {
    Graph graph = most_;
    for (NodeId id : ids) {
      graph.node(id).parameters = calibrated_.node(id).parameters;
      (*WeightQuantizerSlot(graph.node(id).op))->bits = bits;
    }
    quant::FreezeWeights(graph, options_.weights);
    return graph;
  }

  const Graph& most() const { return most_; }

 private:
  Graph calibrated_, most_;
  PostTrainingOptions options_;
};

}  // namespace

Result<Sensitivity> MeasureSensitivity(const Graph& graph, const PostTrainingOptions& options,
                                       const std::vector<int>& candidates, const Images& images,
                                       bool timed) {
  SIGNUM_RETURN_IF_ERROR(CheckImages(graph, images));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  const auto classes = static_cast<int64_t>(images.dataset->class_names.size());
  if (shapes.back() != Shape{1, classes}) {
    return InvalidArgument(fmt::format("the network's output has shape {}, but {} has {} classes",
                                       shapes.back().ToString(), images.dataset->name, classes));
  }
  Graph floats = FoldBatchNorm(StripQuantizers(graph));
  if (options.equalize) floats = EqualizeLayers(floats);
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<NodeId> ids, GeneralLayers(floats, options.policy));
  QuantizationPolicy policy = options.policy;
  policy.weight_bits = candidates.back();
  SIGNUM_ASSIGN_OR_RETURN(Graph calibrated, InsertQuantizers(floats, policy));
  SIGNUM_RETURN_IF_ERROR(CalibrateQuantizers(calibrated, floats, images, options.values));
  const Prober prober(std::move(calibrated), options);

  SIGNUM_ASSIGN_OR_RETURN(const Score base, ScoreOf(prober.most(), images));
  Sensitivity sensitivity{.images = images.size(), .loss = base.loss, .accuracy = base.accuracy};
  for (NodeId id : ids) sensitivity.layers.push_back({prober.most().node(id).name, {}});
  const auto total = static_cast<int64_t>(ids.size() * candidates.size());
  int64_t done = 0;
  for (size_t l = 0; l < ids.size(); ++l) {
    for (int bits : candidates) {
      const Graph probed = prober.With({ids[l]}, bits);
      SIGNUM_ASSIGN_OR_RETURN(const Score score, ScoreOf(probed, images));
      const double bytes = static_cast<double>(Costs(probed)[ids[l]].weight_bytes);
      sensitivity.layers[l].probes.push_back({.bits = bits,
                                              .loss_rise = std::max(0.0, score.loss - base.loss),
                                              .accuracy_drop = base.accuracy - score.accuracy,
                                              .bytes = bytes});
      if (images.progress) images.progress({"layers", ++done, total, "probes"});
    }
  }
  sensitivity.most = prober.most();
  if (!timed) return sensitivity;
  for (size_t c = 0; c < candidates.size(); ++c) {
    SIGNUM_ASSIGN_OR_RETURN(auto times, StepTimes(prober.With(ids, candidates[c])));
    for (LayerProbes& layer : sensitivity.layers) {
      layer.probes[c].milliseconds = times[layer.layer];
      times.erase(layer.layer);
    }
    if (c + 1 == candidates.size()) {
      for (const auto& [name, milliseconds] : times) sensitivity.other_milliseconds += milliseconds;
    }
    if (images.progress) {
      images.progress({"times", static_cast<int64_t>(c) + 1,
                       static_cast<int64_t>(candidates.size()), "precisions"});
    }
  }
  return sensitivity;
}

}  // namespace signum::calibration
