// ResNet for ImageNet: He, Zhang, Ren and Sun, "Deep Residual Learning for Image
// Recognition", CVPR 2016, in torchvision's form, with its names and initial
// weights. Parameters for 1,000 classes: ResNet-18 11,689,512, ResNet-34
// 21,797,672, ResNet-50 25,557,032. ResNets for small images: resnet_cifar.cc.
#include <fmt/format.h>

#include <array>

#include "zoo/builder.h"
#include "zoo/networks.h"

namespace signum::zoo {
namespace {

// A bottleneck puts out this many times the channels of its 3x3 convolution.
constexpr int64_t kExpansion = 4;

// Convolution and batch norm number `index` of a block.
NodeId ConvolutionNorm(NetworkBuilder& b, const std::string& block, int index, NodeId x,
                       int64_t channels, int kernel, int stride = 1) {
  x = b.Convolution(fmt::format("{}conv{}", block, index), x,
                    {.output_channels = channels,
                     .kernel = kernel,
                     .stride = stride,
                     .padding = kernel / 2,
                     .bias = false,
                     .initialization = Initialization::kHe});
  return b.BatchNorm(fmt::format("{}bn{}", block, index), x);
}

NodeId Shortcut(NetworkBuilder& b, const std::string& block, NodeId x, int64_t channels,
                int stride) {
  if (stride == 1 && b.shape(x)[1] == channels) return x;
  return b.ConvolutionNormActivation(block + "downsample", 0, x,
                                     {.output_channels = channels, .stride = stride}, {});
}

// Two 3x3 convolutions.
NodeId BasicBlock(NetworkBuilder& b, const std::string& block, NodeId input, int64_t channels,
                  int stride) {
  NodeId x = ConvolutionNorm(b, block, 1, input, channels, 3, stride);
  x = b.Relu(block + "relu1", x);
  x = ConvolutionNorm(b, block, 2, x, channels, 3);
  x = b.Add(block + "add", x, Shortcut(b, block, input, channels, stride));
  return b.Relu(block + "relu2", x);
}

// 1x1, 3x3, 1x1. The stride is at the 3x3 convolution ("ResNet v1.5"), where the
// paper has it at the first.
NodeId Bottleneck(NetworkBuilder& b, const std::string& block, NodeId input, int64_t channels,
                  int stride) {
  NodeId x = ConvolutionNorm(b, block, 1, input, channels, 1);
  x = b.Relu(block + "relu1", x);
  x = ConvolutionNorm(b, block, 2, x, channels, 3, stride);
  x = b.Relu(block + "relu2", x);
  x = ConvolutionNorm(b, block, 3, x, kExpansion * channels, 1);
  x = b.Add(block + "add", x, Shortcut(b, block, input, kExpansion * channels, stride));
  return b.Relu(block + "relu3", x);
}

}  // namespace

Result<Graph> BuildResNet(int depth, const ZooOptions& options) {
  NetworkBuilder b(fmt::format("resnet{}", depth), options);
  NodeId x = ConvolutionNorm(b, "", 1, b.input(), 64, 7, 2);
  x = b.Relu("relu", x);
  x = b.MaxPool("maxpool", x, 3, 2, 1);
  const std::array<int, 4> blocks = depth == 18 ? std::array{2, 2, 2, 2} : std::array{3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage) {
    for (int block = 0; block < blocks[stage]; ++block) {
      const std::string name = fmt::format("layer{}.{}.", stage + 1, block);
      const int64_t channels = int64_t{64} << stage;
      const int stride = stage > 0 && block == 0 ? 2 : 1;
      x = depth < 50 ? BasicBlock(b, name, x, channels, stride)
                     : Bottleneck(b, name, x, channels, stride);
    }
  }
  x = b.GlobalAveragePool("avgpool", x);
  x = b.Flatten("flatten", x);
  b.Linear("fc", x, options.classes);
  return b.Finish();
}

}  // namespace signum::zoo
