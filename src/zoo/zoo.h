// The zoo: well-known networks as Graph builders, with fresh weights.
//
// Each network is built for any input size, channel and class count. Node names
// are those of the network's PyTorch modules, so that node name, a dot and the
// parameter's role are a checkpoint's key (torchvision's, where it has the network;
// else the file of the network says whose). Knows nothing of training, data or files; quantizers
// are put in by a pass of src/graph, so every network comes out in float.
#ifndef SIGNUM_ZOO_ZOO_H_
#define SIGNUM_ZOO_ZOO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "signum/result.h"

namespace signum::zoo {

struct ZooOptions {
  // 0 takes the network's own: 3 x 224 x 224 and 1,000 classes where it was made for
  // ImageNet, else 3 x 32 x 32 and 10 classes.
  int64_t channels = 0, height = 0, width = 0, classes = 0;
  // ResNet-20 to -110: "projection" (default), "keras", "pad"; see resnet_cifar.cc.
  // VGG-small: "relu" (default), "hardtanh"; see vgg.cc. The others have one form, "".
  std::string variant;
  // One entry per channel each: a Normalize node after the input. Empty: none.
  std::vector<float> mean, deviation;
  // Of the initial weights: the same seed gives the same bytes everywhere.
  uint64_t seed = 0;
  // False leaves layers with weights whose shape alone is there (Tensor::ShapeOnly):
  // made in no time, for whoever looks at a network and does not run it.
  bool weights = true;
};

// The names that BuildZoo takes: "lenet", "resnet20", "mobilenet-v2", ...
std::vector<std::string> ZooNames();

// The network called `name`, verified. An unknown name is an error that
// suggests the nearest, an unknown variant one that lists them; an input too small for the network,
// or one that makes a layer huge, is an error that names the layer.
Result<Graph> BuildZoo(const std::string& name, const ZooOptions& options = {});

}  // namespace signum::zoo

#endif  // SIGNUM_ZOO_ZOO_H_
