// Depthwise layers among others: who gives them rings and bits, and that their numbers are
// those of the interpreter, whatever the maps, windows and threads.
#include <fmt/format.h>

#include <cstring>
#include <string>

#include "runtime/testing/expect_exact.h"

namespace signum::runtime {
namespace {

ConvolutionOp Depthwise(int64_t channels, Window window, int weight_bits = 8) {
  ConvolutionOp op;
  op.output_channels = channels;
  op.groups = static_cast<int>(channels);
  op.window = window;
  if (weight_bits > 0) op.weight_quantizer = WeightQuantizer{weight_bits, true};
  op.bias = false;
  return op;
}

ConvolutionOp Pointwise(int64_t channels, int weight_bits) {
  ConvolutionOp op;
  op.output_channels = channels;
  op.window = {{1, 1}, {1, 1}, {1, 1}, {}};
  op.weight_quantizer = WeightQuantizer{weight_bits, true};
  return op;
}

const Window kUsual = {{3, 3}, {1, 1}, {1, 1}, Padding::All(1)};

std::string Output(const Graph& graph, size_t step) {
  return Compile(graph, {}).value()->steps()[step].report.output;
}

// A block of MobileNet, whose shortcut's codes are read by the sum.
TEST(Depthwise, BetweenPointwiseLayersWithAShortcut) {
  RandomGraph g({1, 6, 9, 7}, 1, true);
  const NodeId image = g.Quantize(g.input(), 8, 128, 1.0f / 64);
  const NodeId kept = g.Quantize(g.Convolution(image, Pointwise(70, 8)), 6, 20, 0.5f);
  const NodeId middle = g.Quantize(g.Convolution(kept, Depthwise(70, kUsual)), 7, 31, 0.5f);
  const NodeId sum = g.Add(AddOp{}, {g.Convolution(middle, Depthwise(70, kUsual, 3)), kept});
  g.Quantize(sum, 8, 100, 0.25f);
  ExpectExact(g, "");
}

TEST(Depthwise, WritesBitsForLayersOf1Bit) {
  RandomGraph g({1, 83, 8, 8}, 2, true);
  const NodeId image = g.Quantize(g.input(), 8, 128, 1.0f / 64);
  const NodeId signs = g.Quantize(g.Convolution(image, Depthwise(83, kUsual)), 1, 0, 0.5f, true);
  ConvolutionOp next = Pointwise(9, 1);
  next.window = kUsual;
  g.Convolution(signs, next);
  EXPECT_EQ(Output(g.graph(), 1), "83x8x8 bits");
  ExpectExact(g, "");
}

// The pads of its readers differ, so the map has no ring, and both layers read their padding
// elsewhere.
TEST(Depthwise, WithoutARing) {
  RandomGraph g({1, 40, 5, 6}, 3, true);
  const NodeId signs = g.Quantize(g.input(), 1, 0, 0.5f);
  ConvolutionOp minus = Depthwise(40, kUsual), plus = minus;
  minus.pad_code = -1;
  plus.pad_code = 1;
  g.Add(AddOp{}, {g.Convolution(signs, minus), g.Convolution(signs, plus)});
  ExpectExact(g, "");
}

Window DrawWindow(std::mt19937& random, const Shape& map) {
  const auto pick = [&](std::initializer_list<int> choices) {
    return *(choices.begin() + random() % choices.size());
  };
  Window w;
  w.padding = {pick({0, 1, 3}), pick({0, 1, 2}), pick({0, 1, 2}), pick({0, 1, 4})};
  w.stride = {pick({1, 1, 2, 3}), pick({1, 1, 2, 3})};
  w.dilation = {pick({1, 1, 2}), pick({1, 1, 3})};
  const auto size = [&](int axis, int64_t pixels) {
    const auto largest = static_cast<int>((pixels - 1) / w.dilation[axis] + 1);
    return std::min(pick({1, 2, 3, 3, 5, 5, 7}), largest);
  };
  const int height = size(0, map[2] + w.padding.top + w.padding.bottom);
  const int width = size(1, map[3] + w.padding.left + w.padding.right);
  w.kernel = {height, width};
  if (w.kernel[1] == 3 && map[2] >= 3 && pick({0, 1}) == 0) w.kernel[0] = 3, w.dilation[0] = 1;
  return w;
}

TEST(Depthwise, RandomChainsAreExact) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](std::initializer_list<int> choices) {
      return *(choices.begin() + random() % choices.size());
    };
    const int channels = pick({2, 16, 24, 40, 63, 64, 65, 96, 144, 193});
    RandomGraph g(Shape{1, channels, pick({1, 4, 9}), pick({1, 5, 8, 30})}, seed, true);
    std::string what = fmt::format("\nseed {}: {}", seed, g.shape(0).ToString());
    NodeId x = g.Quantize(g.input(), 8, pick({0, 128, 255}), 1.0f / 64);
    for (int layer = 0; layer < 3; ++layer) {
      const Window w = DrawWindow(random, g.shape(x));
      what += fmt::format(", kernel {}x{} stride {}x{} dilation {}x{}", w.kernel[0], w.kernel[1],
                          w.stride[0], w.stride[1], w.dilation[0], w.dilation[1]);
      NodeId y = g.Convolution(x, Depthwise(channels, w, pick({1, 4, 8})));
      if (pick({0, 1, 2}) == 0) y = g.Add(AddOp{}, {y, g.Convolution(x, Depthwise(channels, w))});
      x = g.Quantize(y, pick({4, 8}), pick({0, 7}), pick({1, 4}) * 0.25f);
    }
    ExpectExact(g, what);
    if (testing::Test::HasFatalFailure()) return;
  }
}

// Sums of floats that are rounded: threads cut the lines elsewhere, and change no bit.
TEST(Depthwise, FloatsDoNotDependOnThreads) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const int64_t channels = 16 + static_cast<int64_t>(random() % 120);
    RandomGraph g({1, channels, 3, static_cast<int64_t>(200 + random() % 300)}, seed);
    const Window w = seed % 2 == 0 ? kUsual : DrawWindow(random, g.shape(0));
    g.Convolution(g.input(), Depthwise(channels, w, 0));
    const std::vector<float> images = g.Images(2);
    for (Isa isa : SupportedIsas()) {
      const std::vector<float> alone = RunGraph(g.graph(), images, 2, {.isa = isa});
      for (int threads : {2, 3, 4}) {
        const std::vector<float> shared =
            RunGraph(g.graph(), images, 2, {.isa = isa, .threads = threads, .max_batch = 2});
        ASSERT_EQ(shared.size(), alone.size());
        ASSERT_EQ(std::memcmp(shared.data(), alone.data(), alone.size() * sizeof(float)), 0)
            << "seed " << seed << " under " << IsaName(isa) << ", " << threads << " threads";
      }
    }
  }
}

}  // namespace
}  // namespace signum::runtime
