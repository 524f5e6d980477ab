// MobileNets, for ImageNet:
//   mobilenet-v1  Howard et al., "MobileNets: Efficient Convolutional Neural Networks
//                 for Mobile Vision Applications", 2017: 4,231,976 parameters for
//                 1,000 classes. torchvision has none; node names are those of
//                 marvis/pytorch-mobilenet, the port that most others copied:
//                 "model.3.0" is a depthwise convolution, "model.3.3" its 1x1 one.
//   mobilenet-v2  Sandler et al., "MobileNetV2: Inverted Residuals and Linear
//                 Bottlenecks", CVPR 2018: 3,504,872 parameters. torchvision's names.
// Both start with torchvision's initial weights of the second.
#include <fmt/format.h>

#include <string>

#include "zoo/builder.h"
#include "zoo/networks.h"

namespace signum::zoo {
namespace {

ConvolutionSpec Depthwise(const NetworkBuilder& b, NodeId x, int stride) {
  const int64_t channels = b.shape(x)[1];
  return {.output_channels = channels,
          .kernel = 3,
          .stride = stride,
          .groups = static_cast<int>(channels)};
}

// Widens to `expansion` times the channels, filters each, and narrows without an
// activation. Blocks that keep the shape add their input.
NodeId InvertedResidual(NetworkBuilder& b, const std::string& name, NodeId input, int64_t channels,
                        int stride, int expansion) {
  const int64_t input_channels = b.shape(input)[1];
  const auto relu6 = ActivationKind::kRelu6;
  NodeId x = input;
  int index = 0;
  const auto layer = [&] { return fmt::format("{}.conv.{}", name, index++); };
  if (expansion != 1) {
    x = b.ConvolutionNormActivation(layer(), 0, x, {.output_channels = expansion * input_channels},
                                    relu6);
  }
  x = b.ConvolutionNormActivation(layer(), 0, x, Depthwise(b, x, stride), relu6);
  x = b.ConvolutionNormActivation(name + ".conv", index, x, {.output_channels = channels}, {});
  return stride == 1 && input_channels == channels ? b.Add(name + ".add", input, x) : x;
}

}  // namespace

Result<Graph> BuildMobileNetV1(const ZooOptions& options) {
  NetworkBuilder b("mobilenet-v1", options);
  const auto relu = ActivationKind::kRelu;
  NodeId x = b.ConvolutionNormActivation("model.0", 0, b.input(),
                                         {.output_channels = 32, .kernel = 3, .stride = 2}, relu);
  struct Separable {
    int64_t channels;
    int stride;
  };
  int index = 1;
  for (const auto& [channels, stride] : {Separable{64, 1},
                                         {128, 2},
                                         {128, 1},
                                         {256, 2},
                                         {256, 1},
                                         {512, 2},
                                         {512, 1},
                                         {512, 1},
                                         {512, 1},
                                         {512, 1},
                                         {512, 1},
                                         {1024, 2},
                                         {1024, 1}}) {
    const std::string block = fmt::format("model.{}", index++);
    x = b.ConvolutionNormActivation(block, 0, x, Depthwise(b, x, stride), relu);
    x = b.ConvolutionNormActivation(block, 3, x, {.output_channels = channels}, relu);
  }
  x = b.GlobalAveragePool("avgpool", x);
  x = b.Flatten("flatten", x);
  b.Linear("fc", x, options.classes, Initialization::kNarrow);
  return b.Finish();
}

Result<Graph> BuildMobileNetV2(const ZooOptions& options) {
  NetworkBuilder b("mobilenet-v2", options);
  const auto relu6 = ActivationKind::kRelu6;
  NodeId x = b.ConvolutionNormActivation("features.0", 0, b.input(),
                                         {.output_channels = 32, .kernel = 3, .stride = 2}, relu6);
  struct Stage {
    int expansion;
    int64_t channels;
    int blocks, stride;
  };
  int index = 1;
  for (const Stage& stage : {Stage{1, 16, 1, 1},
                             {6, 24, 2, 2},
                             {6, 32, 3, 2},
                             {6, 64, 4, 2},
                             {6, 96, 3, 1},
                             {6, 160, 3, 2},
                             {6, 320, 1, 1}}) {
    for (int block = 0; block < stage.blocks; ++block) {
      x = InvertedResidual(b, fmt::format("features.{}", index++), x, stage.channels,
                           block == 0 ? stage.stride : 1, stage.expansion);
    }
  }
  x = b.ConvolutionNormActivation("features.18", 0, x, {.output_channels = 1280}, relu6);
  x = b.GlobalAveragePool("avgpool", x);
  x = b.Flatten("flatten", x);
  x = b.Dropout("classifier.0", x, 0.2f);
  b.Linear("classifier.1", x, options.classes, Initialization::kNarrow);
  return b.Finish();
}

}  // namespace signum::zoo
