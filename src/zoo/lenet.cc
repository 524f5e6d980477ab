// LeNet-5 in the form that PyTorch's tutorials made common: ReLU and max pooling
// where LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to
// Document Recognition", 1998, had tanh and trained subsampling. 62,006
// parameters for 3x32x32 and 10 classes. Weights start at PyTorch's default.
#include "zoo/builder.h"
#include "zoo/networks.h"

namespace signum::zoo {

Result<Graph> BuildLeNet(const ZooOptions& options) {
  NetworkBuilder b("lenet", options);
  NodeId x = b.Convolution("conv1", b.input(), {.output_channels = 6, .kernel = 5});
  x = b.Relu("relu1", x);
  x = b.MaxPool("pool1", x, 2, 2);
  x = b.Convolution("conv2", x, {.output_channels = 16, .kernel = 5});
  x = b.Relu("relu2", x);
  x = b.MaxPool("pool2", x, 2, 2);
  x = b.Flatten("flatten", x);
  x = b.Linear("fc1", x, 120);
  x = b.Relu("relu3", x);
  x = b.Linear("fc2", x, 84);
  x = b.Relu("relu4", x);
  b.Linear("fc3", x, options.classes);
  return b.Finish();
}

}  // namespace signum::zoo
