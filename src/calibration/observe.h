// What a network's values are on some images, as the runtime computes them. The
// room puts trained networks into integers without training them again: it knows
// datasets and the runtime, no gradient and no command line.
#ifndef SIGNUM_CALIBRATION_OBSERVE_H_
#define SIGNUM_CALIBRATION_OBSERVE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "graph/graph.h"
#include "runtime/executor.h"
#include "signum/result.h"

namespace signum::calibration {

// Which images: the first `count` of the dataset's order in epoch 0 under `seed`
// (data::EpochOrder), so that files sorted by class give all classes. All where
// there are not so many.
struct Images {
  const data::Dataset* dataset = nullptr;
  int64_t count = 0;  // at least 1
  uint64_t seed = 1;
  int threads = 1;  // that the network runs on
};

// Runs `graph`, which must verify and take such images, on all of them, and hands
// the values of `nodes` to `observe` batch by batch (see runtime::ValueObserver).
// The errors of runtime::Compile and runtime::Executor::Create.
Status ObserveValues(const Graph& graph, std::vector<NodeId> nodes, const Images& images,
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

// The mean of every channel of the values of `nodes` (by their place in it).
Result<std::vector<std::vector<double>>> ChannelMeans(const Graph& graph,
                                                      const std::vector<NodeId>& nodes,
                                                      const Images& images);

}  // namespace signum::calibration

#endif  // SIGNUM_CALIBRATION_OBSERVE_H_
