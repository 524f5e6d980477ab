// ResNet for small images: He, Zhang, Ren and Sun, "Deep Residual Learning for
// Image Recognition", CVPR 2016, section 4.2. A 3x3 convolution, three stages of
// n blocks with 16, 32 and 64 channels, global average pooling, one linear layer:
// 6 n + 2 layers with weights.
//
// The variants differ in the two blocks whose shapes change:
//   projection  1x1 convolution and batch norm on the shortcut (the paper's
//               option B); no convolution has a bias. ResNet-20: 272,474 parameters.
//   keras       the network of the Keras examples: every convolution has a bias,
//               shortcut convolutions have no batch norm. 273,066 parameters,
//               274,442 with running statistics. Batch norm keeps PyTorch's
//               epsilon and momentum.
//   pad         the shortcut takes every second pixel and pads channels with
//               zeros in front and behind (option A): 269,722 parameters.
//
// Convolutions start as in He et al. 2015 with fan out (see Initialization),
// batch norm at gamma 1 and beta 0, the linear layer at PyTorch's default. Node
// names are the keys of the state_dict that PyTorch ports of this network use.
#include <fmt/format.h>

#include "zoo/builder.h"
#include "zoo/networks.h"

namespace signum::zoo {
namespace {

ConvolutionSpec Conv(int64_t channels, int kernel, int stride, const std::string& variant) {
  return {.output_channels = channels,
          .kernel = kernel,
          .stride = stride,
          .padding = kernel / 2,
          .bias = variant == "keras",
          .initialization = Initialization::kHe};
}

NodeId Shortcut(NetworkBuilder& b, const std::string& block, NodeId x, int64_t channels, int stride,
                const std::string& variant) {
  const int64_t input_channels = b.shape(x)[1];
  if (stride == 1 && input_channels == channels) return x;
  if (variant == "pad") {
    x = b.MaxPool(block + ".shortcut.subsample", x, 1, stride);
    const int64_t added = channels - input_channels;
    return b.PadChannels(block + ".shortcut.pad", x, added / 2, added - added / 2);
  }
  x = b.Convolution(block + ".shortcut.0", x, Conv(channels, 1, stride, variant));
  return variant == "keras" ? x : b.BatchNorm(block + ".shortcut.1", x);
}

NodeId Block(NetworkBuilder& b, const std::string& block, NodeId input, int64_t channels,
             int stride, const std::string& variant) {
  NodeId x = b.Convolution(block + ".conv1", input, Conv(channels, 3, stride, variant));
  x = b.BatchNorm(block + ".bn1", x);
  x = b.Relu(block + ".relu1", x);
  x = b.Convolution(block + ".conv2", x, Conv(channels, 3, 1, variant));
  x = b.BatchNorm(block + ".bn2", x);
  x = b.Add(block + ".add", x, Shortcut(b, block, input, channels, stride, variant));
  return b.Relu(block + ".relu2", x);
}

}  // namespace

Result<Graph> BuildResNetCifar(int depth, const ZooOptions& options) {
  NetworkBuilder b(fmt::format("resnet{}", depth), options);
  const std::string& variant = options.variant;
  NodeId x = b.Convolution("conv1", b.input(), Conv(16, 3, 1, variant));
  x = b.BatchNorm("bn1", x);
  x = b.Relu("relu", x);
  const int blocks = (depth - 2) / 6;
  for (int stage = 1; stage <= 3; ++stage) {
    for (int block = 0; block < blocks; ++block) {
      const int stride = stage > 1 && block == 0 ? 2 : 1;
      x = Block(b, fmt::format("layer{}.{}", stage, block), x, int64_t{8} << stage, stride,
                variant);
    }
  }
  x = b.GlobalAveragePool("pool", x);
  x = b.Flatten("flatten", x);
  b.Linear("linear", x, options.classes);
  return b.Finish();
}

}  // namespace signum::zoo
