// Fully quantized networks with everything that sits between layers in real
// ones, and scales that are not dyadic.
#ifndef SIGNUM_RUNTIME_TESTING_QUANTIZED_NETWORK_H_
#define SIGNUM_RUNTIME_TESTING_QUANTIZED_NETWORK_H_

#include "runtime/testing/random_graph.h"

namespace signum::runtime {

// 3x17x15 images, 10 classes: binary and 4-bit layers, 8-bit ends, residual sums
// over codes and floats, grouped and depthwise convolutions, pooling, a joined
// and a padded shortcut.
inline RandomGraph QuantizedNetwork(uint32_t seed) {
  RandomGraph g(Shape{1, 3, 17, 15}, seed);
  const auto conv = [&](NodeId in, int64_t channels, int kernel, int stride, int bits, int groups) {
    ConvolutionOp op;
    op.output_channels = channels;
    op.window = {{kernel, kernel}, {stride, stride}, {1, 1}, Padding::All(kernel / 2)};
    op.groups = groups;
    op.bias = false;
    op.weight_quantizer = WeightQuantizer{bits, true};
    return g.BatchNorm(g.Convolution(in, op));
  };
  const auto relu = [&](NodeId in) { return g.Activation(in, ActivationKind::kRelu); };
  const NodeId normal =
      g.Add(NormalizeOp{{0.49f, 0.48f, 0.45f}, {0.2f, 0.21f, 0.22f}}, {g.input()});
  const NodeId image = g.Quantize(normal, 8, 128, 0.0371f);
  const NodeId stem = g.Quantize(relu(conv(image, 24, 3, 1, 8, 1)), 4, 0, 0.113f);
  // A residual block over codes.
  const NodeId a = g.Quantize(relu(conv(stem, 24, 3, 1, 1, 1)), 4, 0, 0.097f);
  const NodeId b = g.Add(AddOp{}, {conv(a, 24, 3, 1, 1, 1), stem});
  const NodeId block = g.Quantize(relu(b), 4, 0, 0.173f);
  // A narrower one whose shortcut is subsampled and padded with channels.
  const NodeId c = g.Quantize(relu(conv(block, 40, 3, 2, 1, 2)), 3, 0, 0.21f);
  const NodeId half = g.Add(MaxPoolOp{Window{{1, 1}, {2, 2}, {1, 1}, {}}}, {block});
  const NodeId shortcut = g.Add(PadOp{{0, 8, 0, 0}, {0, 8, 0, 0}, 0.0f}, {half});
  const NodeId d = g.Add(AddOp{}, {conv(c, 40, 3, 1, 4, 1), shortcut});
  // 1-bit values with a float residual, as in Bi-Real Net (Liu et al. 2018).
  const NodeId e = g.Quantize(d, 1, 0, 0.31f, true);
  const NodeId f = g.Add(AddOp{}, {conv(e, 40, 3, 1, 1, 1), d});
  const NodeId sign = g.Quantize(f, 1, 0, 0.29f);
  const NodeId depthwise = g.Quantize(conv(sign, 40, 3, 1, 8, 40), 6, 32, 0.083f);
  const NodeId pool =
      g.Add(MaxPoolOp{Window{{3, 3}, {2, 2}, {1, 1}, Padding::All(1)}}, {depthwise});
  const NodeId joined = g.Add(ConcatOp{1}, {pool, pool});
  const NodeId mixed = g.Quantize(relu(conv(joined, 56, 1, 1, 1, 1)), 8, 0, 0.051f);
  const NodeId mean = g.Add(GlobalAveragePoolOp{}, {mixed});
  const NodeId features = g.Quantize(g.Add(FlattenOp{}, {mean}), 8, 0, 0.037f);
  g.Linear(features, 10, WeightQuantizer{8, true});
  return g;
}

// 3x11x13 images, 10 classes: 8-bit layers between values whose zero-points are
// neither 0 nor the middle, with padding, sums of codes of different scales, and a
// 1-bit and a 3-bit layer in their midst, as post-training quantization mixes them.
inline RandomGraph AffineNetwork(uint32_t seed) {
  RandomGraph g(Shape{1, 3, 11, 13}, seed);
  const auto conv = [&](NodeId in, int64_t channels, int stride, int bits, int groups = 1) {
    ConvolutionOp op;
    op.output_channels = channels;
    op.window = {{3, 3}, {stride, stride}, {1, 1}, Padding::All(1)};
    op.groups = groups;
    op.weight_quantizer = WeightQuantizer{bits, bits != 3};
    return g.Convolution(in, op);
  };
  const NodeId image = g.Quantize(g.input(), 8, 107, 0.0081f);
  const NodeId a = g.Quantize(conv(image, 24, 1, 8), 8, 113, 0.0137f);
  const NodeId clamped = g.Activation(conv(a, 24, 1, 8), ActivationKind::kHardTanh);
  const NodeId b = g.Quantize(clamped, 8, 31, 0.0071f);
  // Two operands of codes, and a layer's sums with codes.
  const NodeId c = g.Quantize(g.Add(AddOp{}, {a, b}), 8, 141, 0.0173f);
  const NodeId d = g.Quantize(g.Add(AddOp{}, {conv(c, 24, 1, 1), c}), 8, 99, 0.0211f);
  const NodeId e = g.Quantize(g.Add(AddOp{}, {conv(d, 24, 1, 3), b}), 5, 13, 0.091f);
  const NodeId depthwise = g.Quantize(conv(e, 24, 1, 8, 24), 8, 201, 0.0113f);
  const NodeId pool =
      g.Add(MaxPoolOp{Window{{3, 3}, {2, 2}, {1, 1}, Padding::All(1)}}, {depthwise});
  const NodeId mixed = g.Quantize(conv(pool, 32, 2, 8), 8, 77, 0.0234f);
  const NodeId mean = g.Add(GlobalAveragePoolOp{}, {mixed});
  g.Linear(g.Quantize(g.Add(FlattenOp{}, {mean}), 8, 45, 0.0091f), 10, WeightQuantizer{8, true});
  return g;
}

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_TESTING_QUANTIZED_NETWORK_H_
