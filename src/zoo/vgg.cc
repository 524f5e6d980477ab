// VGG-small, the CIFAR network of the papers on binary networks (XNOR-Net, LQ-Nets,
// IR-Net): six 3x3 convolutions, every second one followed by 2x2 max pooling, and
// one linear layer. 4,660,106 parameters for 3x32x32 and 10 classes.
//
// The order of layers (pooling before batch norm), the node names and the initial
// weights are those of the code of Qin et al., "Forward and Backward Information
// Retention for Accurate Binary Neural Networks" (IR-Net), CVPR 2020. Variants:
//   relu      for values of 2 bits and more, which need no sign.
//   hardtanh  IR-Net's, for values of 1 bit: after a ReLU all signs would be +1.
#include <fmt/format.h>

#include "zoo/builder.h"
#include "zoo/networks.h"

namespace signum::zoo {

Result<Graph> BuildVggSmall(const ZooOptions& options) {
  NetworkBuilder b("vgg-small", options);
  const ActivationKind activation =
      options.variant == "hardtanh" ? ActivationKind::kHardTanh : ActivationKind::kRelu;
  NodeId x = b.input();
  for (int layer = 0; layer < 6; ++layer) {
    x = b.Convolution(fmt::format("conv{}", layer), x,
                      {.output_channels = int64_t{128} << (layer / 2),
                       .kernel = 3,
                       .padding = 1,
                       .bias = false,
                       .initialization = Initialization::kHe});
    if (layer % 2 == 1) x = b.MaxPool(fmt::format("pooling{}", layer), x, 2, 2);
    x = b.BatchNorm(fmt::format("bn{}", layer), x);
    x = b.Activation(fmt::format("nonlinear{}", layer), x, activation);
  }
  x = b.Flatten("flatten", x);
  b.Linear("fc", x, options.classes, Initialization::kNarrow);
  return b.Finish();
}

}  // namespace signum::zoo
