// EfficientNet-B0: Tan and Le, "EfficientNet: Rethinking Model Scaling for
// Convolutional Neural Networks", ICML 2019, in torchvision's form, with its names
// and initial weights: 5,288,548 parameters for 1,000 classes. Batch norm has
// PyTorch's epsilon and momentum, as in torchvision's B0 to B4.
//
// torchvision drops whole blocks at random while it trains (stochastic depth).
// That is the identity elsewhere, and Signum trains without it.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "zoo/builder.h"
#include "zoo/networks.h"

namespace signum::zoo {
namespace {

constexpr ActivationKind kSwish = ActivationKind::kSwish;

struct Stage {
  int expansion, kernel, stride;
  int64_t channels;
  int blocks;
};

// Weighs channels by what their means say: Hu, Shen and Sun,
// "Squeeze-and-Excitation Networks", CVPR 2018.
NodeId SqueezeExcitation(NetworkBuilder& b, const std::string& name, NodeId input,
                         int64_t squeezed_channels) {
  const auto pointwise = [](int64_t channels) {
    return ConvolutionSpec{.output_channels = channels, .initialization = Initialization::kHe};
  };
  NodeId x = b.GlobalAveragePool(name + ".avgpool", input);
  x = b.Convolution(name + ".fc1", x, pointwise(squeezed_channels));
  x = b.Activation(name + ".activation", x, kSwish);
  x = b.Convolution(name + ".fc2", x, pointwise(b.shape(input)[1]));
  x = b.Activation(name + ".scale_activation", x, ActivationKind::kSigmoid);
  return b.Multiply(name + ".multiply", x, input);
}

// An inverted residual block with squeeze and excitation.
NodeId MbConv(NetworkBuilder& b, const std::string& name, NodeId input, const Stage& stage,
              int stride) {
  const int64_t input_channels = b.shape(input)[1];
  const int64_t expanded = stage.expansion * input_channels;
  NodeId x = input;
  int index = 0;
  const auto layer = [&] { return fmt::format("{}.block.{}", name, index++); };
  if (stage.expansion != 1) {
    x = b.ConvolutionNormActivation(layer(), 0, x, {.output_channels = expanded}, kSwish);
  }
  x = b.ConvolutionNormActivation(layer(), 0, x,
                                  {.output_channels = expanded,
                                   .kernel = stage.kernel,
                                   .stride = stride,
                                   .groups = static_cast<int>(expanded)},
                                  kSwish);
  x = SqueezeExcitation(b, layer(), x, std::max<int64_t>(1, input_channels / 4));
  x = b.ConvolutionNormActivation(layer(), 0, x, {.output_channels = stage.channels}, {});
  return stride == 1 && input_channels == stage.channels ? b.Add(name + ".add", x, input) : x;
}

}  // namespace

Result<Graph> BuildEfficientNetB0(const ZooOptions& options) {
  NetworkBuilder b("efficientnet-b0", options);
  NodeId x = b.ConvolutionNormActivation("features.0", 0, b.input(),
                                         {.output_channels = 32, .kernel = 3, .stride = 2}, kSwish);
  int index = 1;
  for (const Stage& stage : {Stage{1, 3, 1, 16, 1},
                             {6, 3, 2, 24, 2},
                             {6, 5, 2, 40, 2},
                             {6, 3, 2, 80, 3},
                             {6, 5, 1, 112, 3},
                             {6, 5, 2, 192, 4},
                             {6, 3, 1, 320, 1}}) {
    for (int block = 0; block < stage.blocks; ++block) {
      x = MbConv(b, fmt::format("features.{}.{}", index, block), x, stage,
                 block == 0 ? stage.stride : 1);
    }
    ++index;
  }
  x = b.ConvolutionNormActivation("features.8", 0, x, {.output_channels = 1280}, kSwish);
  x = b.GlobalAveragePool("avgpool", x);
  x = b.Flatten("flatten", x);
  x = b.Dropout("classifier.0", x, 0.2f);
  b.Linear("classifier.1", x, options.classes, Initialization::kFanOut);
  return b.Finish();
}

}  // namespace signum::zoo
