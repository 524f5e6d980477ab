// What a network's values are on some images, as the runtime computes them. The
// room puts trained networks into integers without training them again: it knows
// datasets and the runtime, no gradient and no command line.
#ifndef SIGNUM_CALIBRATION_OBSERVE_H_
#define SIGNUM_CALIBRATION_OBSERVE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "graph/graph.h"
#include "runtime/executor.h"
#include "signum/result.h"

namespace signum::calibration {

// How far a stage of the work is: "ranges", 512 of 1024 images.
struct Progress {
  std::string stage;
  int64_t done = 0, total = 0;
  std::string unit = "images";  // for images, all that run in the stage are counted
};

// Hears when a stage begins and then often. Stages follow each other, and each ends with
// done equal to total unless it fails.
using ProgressObserver = std::function<void(const Progress&)>;

// Which images: the first `count` of the dataset's order in epoch 0 under `seed`
// (data::EpochOrder), so that files sorted by class give all classes. All where
// there are not so many.
struct Images {
  const data::Dataset* dataset = nullptr;
  int64_t count = 0;  // at least 1
  uint64_t seed = 1;
  int threads = 1;            // that the network runs on
  ProgressObserver progress;  // may be empty

  // How many there are.
  int64_t size() const;
};

// Whether the network takes such images, and there are any. To be called before any of what
// follows.
Status CheckImages(const Graph& graph, const Images& images);

// One run over the images, and its place among those of its stage.
struct Pass {
  std::string stage;
  int64_t index = 0;
  int64_t passes = 1;
};

// Writes the inputs of images [first, first + batch), counted in the order above.
using InputSource = std::function<void(int64_t first, int64_t batch, std::span<float> inputs)>;

// The images themselves, as floats in [0, 1].
InputSource PixelsOf(const Images& images);

// Runs `graph`, which must be fit to compile and take what `source` writes, for all of
// the images, and hands the values of `nodes` to `observe` batch by batch (see
// runtime::ValueObserver). The errors of runtime::Compile and runtime::Executor::Create.
Status ObserveValues(const Graph& graph, std::vector<NodeId> nodes, const Images& images,
                     const InputSource& source, const Pass& pass,
                     const runtime::ValueObserver& observe);

// For a value of `shape`, calls visit(channel, x) for all elements of what an
// observer gets of it. Channels are axis 1.
template <typename Visit>
void ForEachChannel(const Shape& shape, std::span<const float> values, const Visit& visit) {
  const int64_t channels = shape[1];
  int64_t inner = 1;  // elements of a channel that lie together
  if (shape.rank() != 4) {
    for (int axis = 2; axis < shape.rank(); ++axis) inner *= shape[axis];
  }
  int64_t channel = 0;
  for (size_t i = 0; i < values.size(); i += static_cast<size_t>(inner)) {
    for (float x : values.subspan(i, static_cast<size_t>(inner))) visit(channel, x);
    if (++channel == channels) channel = 0;
  }
}

// The mean of every channel of a value, of what an observer gets of it.
class ChannelMean {
 public:
  explicit ChannelMean(const Shape& shape) : shape_(shape), sums_(static_cast<size_t>(shape[1])) {}

  void Add(std::span<const float> values) {
    ForEachChannel(shape_, values, [&](int64_t channel, float x) { sums_[channel] += x; });
    count_ += static_cast<int64_t>(values.size()) / shape_[1];
  }
  std::vector<double> means() const {
    std::vector<double> means = sums_;
    for (double& mean : means) mean /= static_cast<double>(count_);
    return means;
  }

 private:
  Shape shape_;
  std::vector<double> sums_;
  int64_t count_ = 0;  // of a channel
};

// The mean of every channel of the values of `nodes` (by their place in it).
Result<std::vector<std::vector<double>>> ChannelMeans(const Graph& graph,
                                                      const std::vector<NodeId>& nodes,
                                                      const Images& images, const Pass& pass);

}  // namespace signum::calibration

#endif  // SIGNUM_CALIBRATION_OBSERVE_H_
