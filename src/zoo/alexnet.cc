// AlexNet (Krizhevsky, Sutskever and Hinton, 2012) cut down to 32x32 images, as
// PyTorch's CIFAR ports have it: the first convolution is 3x3 with stride 2, and
// pooling windows are 2x2. 23,272,266 parameters for 3x32x32 and 10 classes.
// Weights start at PyTorch's default; names follow PyTorch's state_dict.
#include "zoo/builder.h"
#include "zoo/networks.h"

namespace signum::zoo {

Result<Graph> BuildAlexNetCifar(const ZooOptions& options) {
  NetworkBuilder b("alexnet-cifar", options);
  const auto convolution = [&](const char* name, NodeId x, int64_t channels, int stride) {
    return b.Convolution(
        name, x, {.output_channels = channels, .kernel = 3, .stride = stride, .padding = 1});
  };
  NodeId x = convolution("features.0", b.input(), 64, 2);
  x = b.Relu("features.1", x);
  x = b.MaxPool("features.2", x, 2, 2);
  x = convolution("features.3", x, 192, 1);
  x = b.Relu("features.4", x);
  x = b.MaxPool("features.5", x, 2, 2);
  x = convolution("features.6", x, 384, 1);
  x = b.Relu("features.7", x);
  x = convolution("features.8", x, 256, 1);
  x = b.Relu("features.9", x);
  x = convolution("features.10", x, 256, 1);
  x = b.Relu("features.11", x);
  x = b.MaxPool("features.12", x, 2, 2);
  x = b.Flatten("flatten", x);
  x = b.Dropout("classifier.0", x, 0.5f);
  x = b.Linear("classifier.1", x, 4096);
  x = b.Relu("classifier.2", x);
  x = b.Dropout("classifier.3", x, 0.5f);
  x = b.Linear("classifier.4", x, 4096);
  x = b.Relu("classifier.5", x);
  b.Linear("classifier.6", x, options.classes);
  return b.Finish();
}

}  // namespace signum::zoo
