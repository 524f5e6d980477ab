#include "calibration/observe.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/cpu.h"
#include "data/loader.h"
#include "runtime/program.h"

namespace signum::calibration {
namespace {

// Images that run at a time: kept values are many, and their memory is as large.
constexpr int64_t kBatch = 16;

}  // namespace

Status ObserveValues(const Graph& graph, std::vector<NodeId> nodes, const Images& images,
                     const runtime::ValueObserver& observe) {
  SIGNUM_ASSIGN_OR_RETURN(const Isa isa, AllowedIsa());
  SIGNUM_ASSIGN_OR_RETURN(auto program,
                          runtime::Compile(graph, {.isa = isa, .keep = std::move(nodes)}));
  SIGNUM_ASSIGN_OR_RETURN(
      const auto executor,
      runtime::Executor::Create(program, {.threads = images.threads, .max_batch = kBatch}));
  const data::Dataset& dataset = *images.dataset;
  const std::vector<int64_t> order = data::EpochOrder(dataset.size(), images.seed, 0);
  const int64_t count = std::min(images.count, dataset.size());
  std::vector<float> inputs, outputs;
  for (int64_t first = 0; first < count; first += kBatch) {
    const int64_t batch = std::min(kBatch, count - first);
    inputs.resize(static_cast<size_t>(batch * dataset.image_shape.elements()));
    outputs.resize(static_cast<size_t>(batch * program->output_shape().elements()));
    data::FillBatch(dataset, std::span(order).subspan(first, batch), {}, 0, 0, inputs.data());
    SIGNUM_RETURN_IF_ERROR(executor->Run(inputs, batch, outputs, observe));
  }
  return {};
}

Result<std::vector<std::vector<double>>> ChannelMeans(const Graph& graph,
                                                      const std::vector<NodeId>& nodes,
                                                      const Images& images) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  std::map<NodeId, std::vector<double>> sums;
  for (NodeId node : nodes) sums[node].resize(static_cast<size_t>(shapes[node][1]));
  std::map<NodeId, int64_t> counts;
  SIGNUM_RETURN_IF_ERROR(ObserveValues(
      graph, nodes, images, [&](NodeId node, int64_t batch, std::span<const float> values) {
        std::vector<double>& sum = sums[node];
        ForEachChannel(shapes[node], values, [&](int64_t channel, float x) { sum[channel] += x; });
        counts[node] += batch * shapes[node].elements() / shapes[node][1];
      }));
  std::vector<std::vector<double>> means;
  for (NodeId node : nodes) {
    means.push_back(sums[node]);
    for (double& mean : means.back()) mean /= static_cast<double>(counts[node]);
  }
  return means;
}

}  // namespace signum::calibration
