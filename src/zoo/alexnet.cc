// AlexNet (Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep
// Convolutional Neural Networks", 2012), in two sizes:
//   alexnet        torchvision's, which is that of Krizhevsky, "One Weird Trick for
//                  Parallelizing Convolutional Neural Networks", 2014: 61,100,840
//                  parameters for 3x224x224 and 1,000 classes.
//   alexnet-cifar  cut down to 32x32 images, as PyTorch's CIFAR ports have it: the
//                  first convolution is 3x3 with stride 2, and pooling windows are
//                  2x2. 23,272,266 parameters for 3x32x32 and 10 classes.
// Weights start at PyTorch's default; node names are the state_dict's.
#include <fmt/format.h>

#include <numeric>

#include "zoo/builder.h"
#include "zoo/networks.h"

namespace signum::zoo {
namespace {

struct Geometry {
  int kernel = 3, stride = 1, padding = 1;  // of the first convolution
  int second_kernel = 3;                    // of the second, which keeps the size
  int pool_kernel = 2;                      // of every pooling; their stride is 2
};

NodeId Features(NetworkBuilder& b, const Geometry& g) {
  const auto convolution = [&](const char* name, NodeId x, int64_t channels, int kernel) {
    return b.Convolution(name, x,
                         {.output_channels = channels, .kernel = kernel, .padding = kernel / 2});
  };
  NodeId x = b.Convolution(
      "features.0", b.input(),
      {.output_channels = 64, .kernel = g.kernel, .stride = g.stride, .padding = g.padding});
  x = b.Relu("features.1", x);
  x = b.MaxPool("features.2", x, g.pool_kernel, 2);
  x = convolution("features.3", x, 192, g.second_kernel);
  x = b.Relu("features.4", x);
  x = b.MaxPool("features.5", x, g.pool_kernel, 2);
  x = convolution("features.6", x, 384, 3);
  x = b.Relu("features.7", x);
  x = convolution("features.8", x, 256, 3);
  x = b.Relu("features.9", x);
  x = convolution("features.10", x, 256, 3);
  x = b.Relu("features.11", x);
  return b.MaxPool("features.12", x, g.pool_kernel, 2);
}

void Classifier(NetworkBuilder& b, NodeId x, int64_t classes) {
  x = b.Flatten("flatten", x);
  x = b.Dropout("classifier.0", x, 0.5f);
  x = b.Linear("classifier.1", x, 4096);
  x = b.Relu("classifier.2", x);
  x = b.Dropout("classifier.3", x, 0.5f);
  x = b.Linear("classifier.4", x, 4096);
  x = b.Relu("classifier.5", x);
  b.Linear("classifier.6", x, classes);
}

// torchvision's AdaptiveAvgPool2d to 6x6. It is the identity where the features
// are 6x6, a plain mean where 6 divides their size, and repeats pixels where their
// size divides 6; elsewhere its windows are uneven, and no operator is that.
NodeId PoolToSix(NetworkBuilder& b, NodeId x, const ZooOptions& options) {
  const int64_t height = b.shape(x)[2], width = b.shape(x)[3];
  const auto divides = [](int64_t size) { return size % 6 == 0 || 6 % size == 0; };
  if (!divides(height) || !divides(width)) {
    return b.Reject(
        ErrorCode::kInvalidArgument,
        fmt::format("an input of {}x{} has features of {}x{}, which do not pool evenly to the 6x6 "
                    "of the classifier; use heights and widths of 63 to 158, 223 to 254, or the "
                    "latter plus a multiple of 192",
                    options.height, options.width, height, width));
  }
  // Repeating pixels until 6 divides both sizes changes no mean.
  const int64_t scale = std::lcm(6 / std::gcd(height, 6), 6 / std::gcd(width, 6));
  if (scale > 1) x = b.UpsampleNearest("avgpool.upsample", x, static_cast<int>(scale));
  const std::array<int, 2> window = {static_cast<int>(height * scale / 6),
                                     static_cast<int>(width * scale / 6)};
  return window == std::array{1, 1} ? x : b.AveragePool("avgpool", x, window);
}

}  // namespace

Result<Graph> BuildAlexNet(const ZooOptions& options) {
  NetworkBuilder b("alexnet", options);
  const NodeId x =
      Features(b, {.kernel = 11, .stride = 4, .padding = 2, .second_kernel = 5, .pool_kernel = 3});
  Classifier(b, PoolToSix(b, x, options), options.classes);
  return b.Finish();
}

Result<Graph> BuildAlexNetCifar(const ZooOptions& options) {
  NetworkBuilder b("alexnet-cifar", options);
  Classifier(b, Features(b, {.stride = 2}), options.classes);
  return b.Finish();
}

}  // namespace signum::zoo
