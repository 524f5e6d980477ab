#include "calibration/observe.h"

#include <fmt/format.h>

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

int64_t Images::size() const { return std::min(count, dataset->size()); }

Status CheckImages(const Graph& graph, const Images& images) {
  const data::Dataset& dataset = *images.dataset;
  const Shape& image = dataset.image_shape;
  if (graph.input_shape() != Shape{1, image[0], image[1], image[2]}) {
    return InvalidArgument(
        fmt::format("the model takes inputs of {} and the images of {} are {}; choose another "
                    "dataset",
                    graph.input_shape().ToString(), dataset.name, image.ToString()));
  }
  if (images.count < 1 || dataset.size() < 1) {
    return InvalidArgument(fmt::format("{} images to calibrate with, of {} in {}; take 1 or more",
                                       images.count, dataset.size(), dataset.name));
  }
  return {};
}

InputSource PixelsOf(const Images& images) {
  const data::Dataset& dataset = *images.dataset;
  std::vector<int64_t> order = data::EpochOrder(dataset.size(), images.seed, 0);
  return
      [&dataset, order = std::move(order)](int64_t first, int64_t batch, std::span<float> inputs) {
        data::FillBatch(dataset, std::span(order).subspan(first, batch), {}, 0, 0, inputs.data());
      };
}

Status ObserveValues(const Graph& graph, std::vector<NodeId> nodes, const Images& images,
                     const InputSource& source, const Pass& pass,
                     const runtime::ValueObserver& observe) {
  SIGNUM_ASSIGN_OR_RETURN(const Isa isa, AllowedIsa());
  SIGNUM_ASSIGN_OR_RETURN(auto program,
                          runtime::Compile(graph, {.isa = isa, .keep = std::move(nodes)}));
  const int64_t count = images.size();
  SIGNUM_ASSIGN_OR_RETURN(
      const auto executor,
      runtime::Executor::Create(program,
                                {.threads = images.threads, .max_batch = std::min(kBatch, count)}));
  const auto tell = [&](int64_t done) {
    if (images.progress) images.progress({pass.stage, done, pass.passes * count});
  };
  if (pass.index == 0) tell(0);
  std::vector<float> inputs, outputs;
  for (int64_t first = 0; first < count; first += kBatch) {
    const int64_t batch = std::min(kBatch, count - first);
    inputs.resize(static_cast<size_t>(batch * program->input_shape().elements()));
    outputs.resize(static_cast<size_t>(batch * program->output_shape().elements()));
    source(first, batch, inputs);
    SIGNUM_RETURN_IF_ERROR(executor->Run(inputs, batch, outputs, observe));
    tell(pass.index * count + first + batch);
  }
  return {};
}

Result<std::vector<std::vector<double>>> ChannelMeans(const Graph& graph,
                                                      const std::vector<NodeId>& nodes,
                                                      const Images& images, const Pass& pass) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  std::map<NodeId, ChannelMean> means;
  for (NodeId node : nodes) means.emplace(node, ChannelMean(shapes[node]));
  SIGNUM_RETURN_IF_ERROR(ObserveValues(
      graph, nodes, images, PixelsOf(images), pass,
      [&](NodeId node, int64_t, std::span<const float> values) { means.at(node).Add(values); }));
  std::vector<std::vector<double>> all;
  for (NodeId node : nodes) all.push_back(means.at(node).means());
  return all;
}

}  // namespace signum::calibration
