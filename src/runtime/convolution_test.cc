// Quantized convolutions of every size and kind against seven plain loops over integers.
// Scales are powers of two, so that what follows the sum is exact as well, or is rounded
// where ARCHITECTURE.md says so. SIGNUM_TEST_SEED draws other layers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/output_stage/output_stage.h"
#include "kernels/testing/kernel_list.h"
#include "runtime/testing/random_graph.h"
#include "runtime/testing/run_program.h"

namespace signum::runtime {
namespace {

using kernels::Uniform;

constexpr int64_t kBatch = 2;

// A layer and the codes that it gets.
struct Layer {
  int64_t inputs = 1, height = 1, width = 1;  // of the map
  int64_t out_height = 1, out_width = 1;
  ConvolutionOp op;
  QuantizeOp in_quantizer;
  std::vector<int> values;      // [batch][inputs][height][width]: code - zero point, or +-1
  std::vector<int8_t> weights;  // [outputs][inputs / groups][kernel][kernel]

  int64_t outputs() const { return op.output_channels; }
  int64_t group_inputs() const { return inputs / op.groups; }
  int64_t depth() const { return group_inputs() * op.window.kernel[0] * op.window.kernel[1]; }
  int64_t macs() const { return outputs() * out_height * out_width * depth(); }
  std::string What() const {
    const Window& w = op.window;
    const Padding& p = w.padding;
    return fmt::format(
        "{}x{}x{} to {}x{}x{}, {} groups, kernel {}x{}, stride {}x{}, dilation {}x{}, padding "
        "{},{},{},{} of {}, {} bits from {}, {} weight bits",
        inputs, height, width, outputs(), out_height, out_width, op.groups, w.kernel[0],
        w.kernel[1], w.stride[0], w.stride[1], w.dilation[0], w.dilation[1], p.top, p.left,
        p.bottom, p.right, op.pad_code, in_quantizer.bits, in_quantizer.zero_point,
        op.weight_quantizer->bits);
  }
};

// [batch][outputs][out_height][out_width].
std::vector<int64_t> Sums(const Layer& layer) {
  const auto& [kernel, stride, dilation, padding] = layer.op.window;
  const int64_t group_outputs = layer.outputs() / layer.op.groups;
  std::vector<int64_t> sums;
  for (int64_t n = 0; n < kBatch; ++n) {
    for (int64_t out = 0; out < layer.outputs(); ++out) {
      for (int64_t i = 0; i < layer.out_height * layer.out_width; ++i) {
        int64_t sum = 0;
        const int8_t* weight = layer.weights.data() + out * layer.depth();
        for (int64_t in = 0; in < layer.group_inputs(); ++in) {
          const int64_t channel = out / group_outputs * layer.group_inputs() + in;
          for (int64_t ky = 0; ky < kernel[0]; ++ky) {
            for (int64_t kx = 0; kx < kernel[1]; ++kx, ++weight) {
              const int64_t y = i / layer.out_width * stride[0] - padding.top + ky * dilation[0];
              const int64_t x = i % layer.out_width * stride[1] - padding.left + kx * dilation[1];
              const bool inside = y >= 0 && y < layer.height && x >= 0 && x < layer.width;
              const int64_t at = ((n * layer.inputs + channel) * layer.height + y) * layer.width;
              sum += *weight * (inside ? layer.values[at + x] : layer.op.pad_code);
            }
          }
        }
        sums.push_back(sum);
      }
    }
  }
  return sums;
}

// What follows the sum; a batch norm's deviations are powers of two.
struct After {
  float in_scale = 1;
  std::vector<float> weight_scale;
  BatchNormOp norm;
  std::vector<float> gamma, beta, mean, variance;
  int bits = 0;  // of the quantizer at the end; 0 for none
  int zero_point = 0;
  float scale = 1;

  double factor(size_t c) const {
    return gamma[c] / std::sqrt(double{variance[c]} + double{norm.epsilon});
  }
};

float Expected(const After& after, size_t channel, int64_t sum) {
  const double factor = after.factor(channel);
  const auto multiplier =
      static_cast<float>(factor * double{after.in_scale} * double{after.weight_scale[channel]});
  const auto bias =
      static_cast<float>(double{after.beta[channel]} - double{after.mean[channel]} * factor);
  const float product = static_cast<float>(sum) * multiplier;
  const float value = product + bias;
  if (after.bits == 0) return value;
  if (after.bits == 1) return value >= 0 ? after.scale : -after.scale;
  const double rounded = std::nearbyint(double{value} / double{after.scale}) + after.zero_point;
  const double code = std::clamp(rounded, 0.0, std::ldexp(1.0, after.bits) - 1);
  return after.scale * static_cast<float>(code - after.zero_point);
}

// What a test fixes; 0 leaves it to chance.
struct Fixed {
  int64_t outputs = 0, pixels = 0;
  int kernel_height = 0, kernel_width = 0;
  bool depthwise = false;
};

class Drawing {
 public:
  explicit Drawing(std::mt19937& random) : random_(random) {}

  Layer DrawLayer(const Fixed& fixed) {
    constexpr int64_t kMostMacs = 400000;
    Layer layer;
    do {
      layer = DrawShape(fixed);
    } while (layer.macs() > kMostMacs || layer.height < 1 || layer.width < 1);
    DrawNumbers(layer);
    return layer;
  }

  After DrawAfter(const Layer& layer, const std::vector<int64_t>& sums) {
    After after;
    after.in_scale = std::ldexp(1.0f, -Pick({0, 3, 5}));
    after.norm.epsilon = 0x1p-10f;
    const int64_t pixels = layer.out_height * layer.out_width;
    for (int64_t c = 0; c < layer.outputs(); ++c) {
      after.weight_scale.push_back(std::ldexp(1.0f, -Pick({1, 4, 6})));
      constexpr float kGammas[] = {1, 0.5, -1, -2, 0, 0x1p-20f, 0x1p-60f, -0x1p-60f};
      after.gamma.push_back(kGammas[Uniform(random_, 0, 7)]);
      after.variance.push_back(std::ldexp(1.0f, Pick({-2, 0, 2})) - after.norm.epsilon);
      after.mean.push_back(static_cast<float>(Uniform(random_, -64, 64)) / 64);
      const double factor = after.factor(static_cast<size_t>(c));
      const double scale = double{after.in_scale} * double{after.weight_scale.back()};
      // The sum of some pixel turns to exactly 0, or beta is any.
      const int64_t zero = sums[static_cast<size_t>(c * pixels + Uniform(random_, 0, pixels - 1))];
      const double beta = -(static_cast<double>(zero) * scale - double{after.mean.back()}) * factor;
      const bool small = std::abs(factor) < 1e-3;
      after.beta.push_back(small || Pick({0, 1}) == 1
                               ? static_cast<float>(beta)
                               : static_cast<float>(Uniform(random_, -64, 64)) / 32);
    }
    after.bits = Pick({0, 1, 1, 2, 4, 8});
    after.zero_point = ZeroPoint(after.bits);
    after.scale = std::ldexp(1.0f, -Pick({-2, 0, 3}));
    return after;
  }

  bool Chance() { return Pick({0, 1}) == 1; }

 private:
  int Pick(std::initializer_list<int> choices) {
    return *(choices.begin() + Uniform(random_, 0, static_cast<int64_t>(choices.size()) - 1));
  }
  int Any(int low, int high) { return static_cast<int>(Uniform(random_, low, high)); }
  int ZeroPoint(int bits) {
    return bits <= 1 ? 0 : std::min(Pick({0, 23, 127, 128, 255}), (1 << bits) - 1);
  }

  Layer DrawShape(const Fixed& fixed) {
    Layer layer;
    Window& w = layer.op.window;
    w.kernel = {fixed.kernel_height > 0 ? fixed.kernel_height : Pick({1, 1, 3, Any(1, 7)}),
                fixed.kernel_width > 0 ? fixed.kernel_width : Pick({1, 1, 3, Any(1, 7)})};
    w.stride = {Any(1, 3), Any(1, 3)};
    w.dilation = {Any(1, 3), Any(1, 3)};
    if (Chance()) w.padding = {Any(0, 3), Any(0, 3), Any(0, 3), Any(0, 3)};
    layer.out_height = fixed.pixels > 0 ? 1 : Any(1, 9);
    layer.out_width = fixed.pixels > 0 ? fixed.pixels : Any(1, 12);
    // A last window may leave lines over, which no window reads.
    const auto size = [&](int64_t out, int axis, int padding) {
      return (out - 1) * w.stride[axis] + w.dilation[axis] * (w.kernel[axis] - 1) + 1 - padding +
             Any(0, w.stride[axis] - 1);
    };
    layer.height = size(layer.out_height, 0, w.padding.top + w.padding.bottom);
    layer.width = size(layer.out_width, 1, w.padding.left + w.padding.right);
    layer.op.output_channels = fixed.outputs > 0 ? fixed.outputs : Any(1, 40);
    layer.op.groups = Pick({1, 1, 2, 4});
    layer.inputs = Pick({Any(1, 200), Any(1, 33), 8 * Any(1, 8)});
    if (fixed.depthwise || Any(0, 4) == 0) {
      layer.op.groups = static_cast<int>(layer.op.output_channels);
      layer.inputs = layer.op.output_channels;
    }
    while (layer.op.output_channels % layer.op.groups != 0) layer.op.groups /= 2;
    while (layer.inputs % layer.op.groups != 0) ++layer.inputs;
    return layer;
  }

  void DrawNumbers(Layer& layer) {
    layer.op.bias = false;
    layer.op.weight_quantizer = WeightQuantizer{Pick({1, 1, 2, 4, 8}), true};
    layer.in_quantizer.bits = Pick({1, 1, 2, 4, 8, 8});
    layer.in_quantizer.zero_point = ZeroPoint(layer.in_quantizer.bits);
    const bool one_bit = layer.in_quantizer.bits == 1;
    if (one_bit) layer.op.pad_code = Pick({-1, 0, 1});
    const int lowest = one_bit ? -1 : -layer.in_quantizer.zero_point;
    const int highest = one_bit ? 1 : lowest + (1 << layer.in_quantizer.bits) - 1;
    const int lowest_weight = LowestWeightCode(layer.op.weight_quantizer->bits);
    const int highest_weight = HighestWeightCode(layer.op.weight_quantizer->bits);
    // Some layers have the sums that are farthest from 0.
    const bool extreme = Any(0, 7) == 0;
    const int value = Chance() ? lowest : highest;
    const int weight = Chance() ? lowest_weight : highest_weight;
    for (int64_t i = 0; i < kBatch * layer.inputs * layer.height * layer.width; ++i) {
      const int any = one_bit ? Pick({-1, 1}) : Any(lowest, highest);
      layer.values.push_back(extreme ? value : any);
    }
    for (int64_t i = 0; i < layer.outputs() * layer.depth(); ++i) {
      const int any =
          lowest_weight == -1 && highest_weight == 1 && layer.op.weight_quantizer->bits == 1
              ? Pick({-1, 1})
              : Any(lowest_weight, highest_weight);
      layer.weights.push_back(static_cast<int8_t>(extreme ? weight : any));
    }
  }

  std::mt19937& random_;
};

// The layer as a network. `stage` puts a step of its own between the image and it, which
// can write bits.
Graph NetworkOf(const Layer& layer, const After& after, bool stage) {
  RandomGraph g({1, layer.inputs, layer.height, layer.width}, 1);
  const NodeId image = stage ? g.Activation(g.input(), ActivationKind::kHardTanh) : g.input();
  const NodeId codes =
      g.Quantize(image, layer.in_quantizer.bits, layer.in_quantizer.zero_point, after.in_scale);
  const Shape weight{layer.outputs(), layer.group_inputs(), layer.op.window.kernel[0],
                     layer.op.window.kernel[1]};
  const Shape channels{layer.outputs()};
  const NodeId conv = g.Add(layer.op, {codes},
                            {{"weight", Tensor(weight, std::vector<int8_t>(layer.weights))},
                             {"weight_scale", Tensor(channels, std::vector(after.weight_scale))}});
  const NodeId norm = g.Add(after.norm, {conv},
                            {{"weight", Tensor(channels, std::vector(after.gamma))},
                             {"bias", Tensor(channels, std::vector(after.beta))},
                             {"running_mean", Tensor(channels, std::vector(after.mean))},
                             {"running_var", Tensor(channels, std::vector(after.variance))}});
  if (after.bits > 0) g.Quantize(norm, after.bits, after.zero_point, after.scale);
  return g.graph();
}

class Convolutions : public testing::Test {
 protected:
  void Check(const Fixed& fixed) {
    Drawing drawing(random_);
    const Layer layer = drawing.DrawLayer(fixed);
    const std::vector<int64_t> sums = Sums(layer);
    const After after = drawing.DrawAfter(layer, sums);
    SCOPED_TRACE(layer.What());
    const bool stage = layer.in_quantizer.bits == 1 && drawing.Chance();
    const Graph graph = NetworkOf(layer, after, stage);
    std::vector<float> images;
    for (int value : layer.values) images.push_back(after.in_scale * static_cast<float>(value));
    const int64_t pixels = layer.out_height * layer.out_width;
    for (Isa isa : SupportedIsas()) {
      for (int threads : {1, 2}) {
        const std::vector<float> got =
            RunGraph(graph, images, kBatch, {.isa = isa, .threads = threads, .max_batch = threads});
        ASSERT_EQ(got.size(), sums.size());
        for (size_t i = 0; i < got.size(); ++i) {
          const auto channel = static_cast<int64_t>(i) / pixels % layer.outputs();
          ASSERT_EQ(got[i], Expected(after, static_cast<size_t>(channel), sums[i]))
              << "element " << i << ", sum " << sums[i] << ", under " << IsaName(isa) << ", "
              << threads << " threads";
        }
      }
      NoteKernels(graph, isa);
    }
  }

  void NoteKernels(const Graph& graph, Isa isa) {
    const auto program = Compile(graph, {.isa = isa}).value();
    for (const PlannedStep& step : program->steps()) {
      const std::string& names = step.report.kernel;
      for (size_t at = 0; at < names.size();) {
        const size_t end = std::min(names.find(", ", at), names.size());
        kernels_.insert(names.substr(at, end - at));
        at = end + 2;
      }
    }
  }

  // Fails where a kernel that this machine can run never did.
  template <typename Kernel>
  void ExpectEvery(std::span<const Kernel* const> list) const {
    for (const Kernel* kernel : list) {
      if (kernel->isa > DetectIsa()) continue;
      EXPECT_TRUE(kernels_.contains(kernel->name)) << kernel->name << " never ran";
    }
  }
  void ExpectEveryKernel() const {
    ExpectEvery(kernels::GemmB1W1Kernels());
    ExpectEvery(kernels::GemmU8W1Kernels());
    ExpectEvery(kernels::GemmU8S8Kernels());
    ExpectEvery(kernels::OutputStageKernels());
    ExpectEvery(kernels::DepthwiseU8S8Kernels());
  }

  std::mt19937 random_ = kernels::SeededGenerator();
  std::set<std::string> kernels_;
};

TEST_F(Convolutions, OfEveryWidthEqualPlainLoops) {
  for (int i = 0; i < 2 * 200 && !HasFailure(); ++i) Check({.outputs = 1 + i % 200});
  ExpectEveryKernel();
}

TEST_F(Convolutions, OfEveryNumberOfPixelsEqualPlainLoops) {
  for (int i = 0; i < 4 * 64 && !HasFailure(); ++i) Check({.pixels = 1 + i % 64});
}

TEST_F(Convolutions, OfEveryWindowEqualPlainLoops) {
  for (int i = 0; i < 6 * 49 && !HasFailure(); ++i) {
    Check({.kernel_height = 1 + i % 7, .kernel_width = 1 + i / 7 % 7});
  }
}

// A filter for each channel, of every size, and maps of any number of channels.
TEST_F(Convolutions, DepthwiseOfEveryWindowEqualPlainLoops) {
  for (int i = 0; i < 6 * 49 && !HasFailure(); ++i) {
    Check({.outputs = i % 3 == 0 ? kernels::Uniform(random_, 41, 200) : 0,
           .kernel_height = 1 + i % 7,
           .kernel_width = 1 + i / 7 % 7,
           .depthwise = true});
  }
  ExpectEvery(kernels::DepthwiseU8S8Kernels());
}

}  // namespace
}  // namespace signum::runtime
