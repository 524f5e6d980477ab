// Quantized convolutions and products, imported and run, against plain integers:
// q = clamp(round_half_even((sum + bias) s_x s_w / s_y) + z_y).
#include <cmath>
#include <random>

#include "onnx/testing/node_importer.h"

namespace signum::onnx {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A quantized tensor.
struct Tensor8 {
  ElementType type = ElementType::kUint8;
  std::vector<int64_t> sizes, integers;
  std::vector<float> scale;  // one, or one for each index of `axis`
  std::vector<int64_t> zero_point;

  std::vector<int64_t> ScaleSizes() const {
    if (scale.size() == 1) return {};
    return {static_cast<int64_t>(scale.size())};
  }
  Value ScaleValue() const { return Floats(ScaleSizes(), scale); }
  Value ZeroValue() const { return Integers(type, ScaleSizes(), zero_point); }
  Value Codes() const { return Integers(type, sizes, integers); }
};

// What the runtime should give, and what it may give where its floats round.
struct Expectation {
  int64_t integer = 0;
  double distance = 0;  // of the exact quotient from a tie
  double error = 0;     // of the quotient in floats, at most
};

struct Tally {
  int64_t compared = 0, ties = 0, differing = 0;
  int64_t inside = 0;  // of the integers' range, not at its ends
};

class Layer {
 public:
  Layer(uint32_t seed, bool dyadic) : random_(seed), dyadic_(dyadic) {
    groups_ = Pick({1, 1, 1, 2, 4});
    in_channels_ = groups_ * Pick({1, 2, 5, 16});
    out_channels_ = groups_ * Pick({1, 3, 8});
    height_ = Pick({4, 7});
    width_ = Pick({5, 8});
    kernel_ = {Pick({1, 2, 3}), Pick({1, 3})};
    stride_ = {Pick({1, 2}), Pick({1, 1, 2})};
    pads_ = {Pick({0, 1}), Pick({0, 1, 2}), Pick({0, 1, 2}), Pick({0, 1})};
    x_ = Draw({kBatch, in_channels_, height_, width_}, 1, false);
    weight_ = Draw({out_channels_, in_channels_ / groups_, kernel_[0], kernel_[1]},
                   Pick({0, 1}) == 1 ? out_channels_ : 1, true);
    y_ = Draw({}, 1, false);
    y_.scale = {Uniform(0.5f, 3.0f)};
    if (dyadic_) {
      const float largest = *std::max_element(weight_.scale.begin(), weight_.scale.end());
      y_.scale = {x_.scale[0] * largest * static_cast<float>(Pick({2, 4, 16}))};
    }
    const int64_t bias = dyadic_ ? 300 : 20000;
    for (int64_t c = 0; c < out_channels_; ++c) {
      bias_.push_back(std::uniform_int_distribution<int64_t>(-bias, bias)(random_));
    }
  }

  // x as floats, quantized and dequantized by nodes; weight and bias dequantized.
  void ExpectQdq(Tally& tally) {
    NodeImporter importer;
    const Value input = importer.Input({1, in_channels_, height_, width_});
    const NodeText quantize("QuantizeLinear"), dequantize("DequantizeLinear");
    Value x = importer.Import(quantize, {input, x_.ScaleValue(), x_.ZeroValue()});
    x = importer.Import(dequantize, {x, x_.ScaleValue(), x_.ZeroValue()});
    const Value weight =
        importer.Import(NodeText("DequantizeLinear").Int("axis", 0),
                        {weight_.Codes(), weight_.ScaleValue(), weight_.ZeroValue()});
    std::vector<float> bias_scale;
    for (const float scale : weight_.scale) bias_scale.push_back(scale * x_.scale[0]);
    const Value bias = importer.Import(NodeText("DequantizeLinear").Int("axis", 0),
                                       {Integers(ElementType::kInt32, {out_channels_}, bias_),
                                        Floats(weight_.ScaleSizes(), bias_scale)});
    Value y = importer.Import(WithWindow(NodeText("Conv")), {x, weight, bias});
    y = importer.Import(quantize, {y, y_.ScaleValue(), y_.ZeroValue()});
    std::vector<float> images;
    for (const int64_t integer : x_.integers) {
      images.push_back(x_.scale[0] * static_cast<float>(integer - x_.zero_point[0]));
    }
    Compare(importer, y, images, tally);
  }

  // x as integers.
  void ExpectQLinearConv(Tally& tally) {
    NodeImporter importer;
    const Value x = importer.Input({1, in_channels_, height_, width_}, x_.type);
    const Value y =
        importer.Import(WithWindow(NodeText("QLinearConv")),
                        {x, x_.ScaleValue(), x_.ZeroValue(), weight_.Codes(), weight_.ScaleValue(),
                         weight_.ZeroValue(), y_.ScaleValue(), y_.ZeroValue(),
                         Integers(ElementType::kInt32, {out_channels_}, bias_)});
    Compare(importer, y, {x_.integers.begin(), x_.integers.end()}, tally);
  }

  // Sums alone.
  void ExpectConvInteger() {
    NodeImporter importer;
    const Value x = importer.Input({1, in_channels_, height_, width_}, x_.type);
    const Value y = importer.Import(WithWindow(NodeText("ConvInteger")),
                                    {x, weight_.Codes(), x_.ZeroValue(), weight_.ZeroValue()});
    EXPECT_EQ(y.type, ElementType::kInt32);
    EXPECT_THAT(importer.builder().notes(), IsEmpty());
    const Graph graph = importer.Finish(y);
    EXPECT_THAT(OpsOf(graph), HasSubstr("Quantize Convolution"));
    const std::vector<int64_t> sums = Sums();
    for (const Isa isa : SupportedIsas()) {
      const auto got = importer.Run(y, {x_.integers.begin(), x_.integers.end()}, kBatch, isa);
      EXPECT_EQ(got, std::vector<float>(sums.begin(), sums.end())) << IsaName(isa);
    }
  }

 private:
  static constexpr int64_t kBatch = 2;

  int64_t Pick(std::initializer_list<int64_t> choices) {
    return *(choices.begin() + random_() % choices.size());
  }
  float Uniform(float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(random_);
  }

  // Dyadic tensors have small numbers, so that sums are small and many of them ties. A
  // weight's zero-point leaves codes that kernels multiply by.
  Tensor8 Draw(std::vector<int64_t> sizes, int64_t scales, bool weight) {
    Tensor8 tensor;
    tensor.type = Pick({0, 1}) == 1 ? ElementType::kInt8 : ElementType::kUint8;
    const IntegerRange range = RangeOf(tensor.type);
    std::uniform_int_distribution<int64_t> any(range.lowest, range.highest), small(-9, 9);
    for (int64_t i = 0; i < scales; ++i) {
      tensor.scale.push_back(dyadic_ ? std::ldexp(1.0f, -static_cast<int>(Pick({3, 4, 5})))
                                     : Uniform(0.01f, 0.1f));
      tensor.zero_point.push_back(weight ? (range.lowest < 0 ? 0 : 128) : any(random_));
    }
    int64_t elements = 1;
    for (const int64_t size : sizes) elements *= size;
    for (int64_t i = 0; i < elements; ++i) {
      const int64_t near = tensor.zero_point[0] + small(random_);
      tensor.integers.push_back(dyadic_ ? std::clamp(near, range.lowest, range.highest)
                                        : any(random_));
    }
    tensor.sizes = std::move(sizes);
    return tensor;
  }

  NodeText WithWindow(NodeText text) const {
    return text.Ints("kernel_shape", {kernel_[0], kernel_[1]})
        .Ints("strides", {stride_[0], stride_[1]})
        .Ints("pads", {pads_[0], pads_[1], pads_[2], pads_[3]})
        .Int("group", groups_);
  }

  // The convolution of integers, without its bias.
  std::vector<int64_t> Sums() const {
    const int64_t out_height = (height_ + pads_[0] + pads_[2] - kernel_[0]) / stride_[0] + 1;
    const int64_t out_width = (width_ + pads_[1] + pads_[3] - kernel_[1]) / stride_[1] + 1;
    std::vector<int64_t> sums;
    for (int64_t image = 0; image < kBatch; ++image) {
      for (int64_t out = 0; out < out_channels_; ++out) {
        for (int64_t row = 0; row < out_height; ++row) {
          for (int64_t column = 0; column < out_width; ++column) {
            sums.push_back(
                Sum(image, out, row * stride_[0] - pads_[0], column * stride_[1] - pads_[1]));
          }
        }
      }
    }
    return sums;
  }

  int64_t Sum(int64_t image, int64_t out, int64_t top, int64_t left) const {
    const int64_t depth = in_channels_ / groups_;
    const int64_t first = out / (out_channels_ / groups_) * depth;
    int64_t sum = 0;
    for (int64_t c = 0; c < depth; ++c) {
      for (int64_t i = 0; i < kernel_[0]; ++i) {
        for (int64_t j = 0; j < kernel_[1]; ++j) {
          const int64_t row = top + i, column = left + j;
          if (row < 0 || row >= height_ || column < 0 || column >= width_) continue;
          const int64_t x = ((image * in_channels_ + first + c) * height_ + row) * width_ + column;
          const int64_t w = ((out * depth + c) * kernel_[0] + i) * kernel_[1] + j;
          sum += (x_.integers[x] - x_.zero_point[0]) *
                 (weight_.integers[w] - weight_.zero_point[weight_.scale.size() == 1 ? 0 : out]);
        }
      }
    }
    return sum;
  }

  std::vector<Expectation> Expected() const {
    const std::vector<int64_t> sums = Sums();
    const IntegerRange range = RangeOf(y_.type);
    const int64_t area = static_cast<int64_t>(sums.size()) / (kBatch * out_channels_);
    std::vector<Expectation> expected;
    for (size_t i = 0; i < sums.size(); ++i) {
      const int64_t out = static_cast<int64_t>(i) / area % out_channels_;
      const double factor = double{x_.scale[0]} *
                            double{weight_.scale[weight_.scale.size() == 1 ? 0 : out]} /
                            double{y_.scale[0]};
      const double exact = static_cast<double>(sums[i] + bias_[out]) * factor;
      Expectation element;
      element.integer = std::clamp(static_cast<int64_t>(std::nearbyint(exact)) + y_.zero_point[0],
                                   range.lowest, range.highest);
      element.distance = std::abs(std::abs(exact - std::floor(exact)) - 0.5);
      // Each of multiplier, product, bias and sum is rounded once to 24 bits; the scale
      // of a bias of its own once more.
      element.error =
          std::ldexp(2.0 * std::abs(static_cast<double>(sums[i]) * factor) +
                         2.0 * std::abs(static_cast<double>(bias_[out]) * factor) + std::abs(exact),
                     -24);
      expected.push_back(element);
    }
    return expected;
  }

  void Compare(NodeImporter& importer, const Value& y, const std::vector<float>& images,
               Tally& tally) const {
    EXPECT_EQ(y.type, y_.type);
    EXPECT_THAT(importer.builder().notes(), IsEmpty());
    const std::vector<Expectation> expected = Expected();
    const IntegerRange range = RangeOf(y_.type);
    for (const Isa isa : SupportedIsas()) {
      const std::vector<float> got = importer.Run(y, images, kBatch, isa);
      ASSERT_EQ(got.size(), expected.size());
      for (size_t i = 0; i < got.size(); ++i) {
        ++tally.compared;
        const int64_t integer = expected[i].integer;
        const bool inside = integer > range.lowest && integer < range.highest;
        if (inside) ++tally.inside;
        if (inside && expected[i].distance == 0) ++tally.ties;
        if (got[i] == static_cast<float>(integer)) continue;
        ++tally.differing;
        const bool near_tie = !dyadic_ && expected[i].distance <= expected[i].error;
        ASSERT_TRUE(near_tie) << got[i] << " for " << integer << " at " << i << " under "
                              << IsaName(isa) << ", " << expected[i].distance << " from a tie";
        ASSERT_EQ(std::abs(got[i] - static_cast<float>(integer)), 1.0f);
      }
    }
  }

  std::mt19937 random_;
  bool dyadic_;
  int64_t groups_, in_channels_, out_channels_, height_, width_;
  std::array<int64_t, 2> kernel_, stride_;
  std::array<int64_t, 4> pads_;
  Tensor8 x_, weight_, y_;
  std::vector<int64_t> bias_;
};

void Report(const Tally& tally) {
  testing::Test::RecordProperty("compared", std::to_string(tally.compared));
  testing::Test::RecordProperty("ties", std::to_string(tally.ties));
  testing::Test::RecordProperty("inside", std::to_string(tally.inside));
  testing::Test::RecordProperty("differing", std::to_string(tally.differing));
}

// Powers of two as scales: every product and quotient is exact in floats, ties are many.
TEST(OnnxQuantizedLayers, AreExactWhereFloatsAre) {
  Tally tally;
  for (uint32_t seed = 0; seed < 30 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Layer(seed, true).ExpectQdq(tally);
    Layer(seed, true).ExpectQLinearConv(tally);
  }
  EXPECT_EQ(tally.differing, 0);
  EXPECT_GT(tally.ties, 1000);
  EXPECT_GT(tally.inside * 2, tally.compared);
  Report(tally);
}

// Any scales: a result differs only where the exact quotient lies so near a tie that the
// roundings of the float arithmetic can move it across.
TEST(OnnxQuantizedLayers, DifferOnlyAtTiesThatFloatsCannotTell) {
  Tally tally;
  for (uint32_t seed = 100; seed < 130 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Layer(seed, false).ExpectQdq(tally);
    Layer(seed, false).ExpectQLinearConv(tally);
  }
  EXPECT_LT(tally.differing * 10000, tally.compared);
  EXPECT_GT(tally.inside * 2, tally.compared);
  Report(tally);
}

TEST(OnnxQuantizedLayers, SumsOfConvIntegerAreExact) {
  for (uint32_t seed = 200; seed < 215; ++seed) {
    SCOPED_TRACE(seed);
    Layer(seed, false).ExpectConvInteger();
  }
}

TEST(OnnxQuantizedLayers, RunOnIntegers) {
  NodeImporter importer;
  const Value x = importer.Input({1, 2, 3, 3}, ElementType::kUint8);
  const Value one = Floats({}, {0.5f}), zero = Integers(ElementType::kUint8, {}, {3});
  const Value y = importer.Import(
      NodeText("QLinearConv"),
      {x, one, zero, Integers(ElementType::kInt8, {2, 2, 1, 1}, {1, 2, -128, 4}),
       Floats({2}, {0.25f, 0.5f}), Integers(ElementType::kInt8, {2}, {0, 0}), one, zero});
  const Graph graph = importer.Finish(GraphBuilder::Decoded(y));
  EXPECT_EQ(OpsOf(graph),
            "Input Constant Subtract Constant Multiply Quantize Convolution Quantize");
  const Node& convolution = graph.node(6);
  const auto& op = std::get<ConvolutionOp>(convolution.op);
  EXPECT_EQ(op.weight_quantizer, (WeightQuantizer{.bits = 8, .per_channel = true}));
  EXPECT_EQ(convolution.Find("weight")->codes()[2], -128);
  EXPECT_FALSE(op.bias);
}

TEST(OnnxQuantizedLayers, MultipliesMatrices) {
  // {rows, 3} times {3, 2} with a scale for each column.
  NodeImporter importer;
  const Value a = importer.Input({1, 3}, ElementType::kUint8);
  const Value a_zero = Integers(ElementType::kUint8, {}, {7});
  const Value b = Integers(ElementType::kInt8, {3, 2}, {1, -2, 3, 4, -5, 6});
  const Value y = importer.Import(NodeText("QLinearMatMul"),
                                  {a, Floats({}, {0.5f}), a_zero, b, Floats({2}, {1.0f, 0.25f}),
                                   Integers(ElementType::kInt8, {2}, {0, 0}), Floats({}, {2.0f}),
                                   Integers(ElementType::kInt8, {}, {-3})});
  // Row 0: less 7: 1, 2, 3; sums -8, 24; quotients -8/4 and 24/16. Row 1: -7, 0, 13.
  EXPECT_THAT(importer.Run(y, {8, 9, 10, 0, 7, 20}, 2),
              testing::ElementsAre(-5, -1, -3 + -18, -3 + 6));
}

TEST(OnnxQuantizedLayers, MultipliesMatricesThatAreBothComputed) {
  NodeImporter importer;
  const Value a = importer.Input({1, 2, 2}, ElementType::kUint8);
  const Value zero = Integers(ElementType::kUint8, {}, {1}), one = Floats({}, {1.0f});
  const Value y = importer.Import(NodeText("QLinearMatMul"),
                                  {a, one, zero, a, one, zero, Floats({}, {2.0f}), zero});
  // {{1, 2}, {3, 0}} squared is {{7, 2}, {3, 6}}; halves round to even.
  EXPECT_THAT(importer.Run(y, {2, 3, 4, 1}), testing::ElementsAre(5, 2, 3, 4));
}

TEST(OnnxQuantizedLayers, MatMulIntegerIsExact) {
  NodeImporter importer;
  const Value a = importer.Input({1, 4}, ElementType::kInt8);
  const Value b = Integers(ElementType::kUint8, {4, 2}, {255, 0, 1, 2, 128, 130, 7, 9});
  const Value y = importer.Import(
      NodeText("MatMulInteger"),
      {a, b, Integers(ElementType::kInt8, {}, {-5}), Integers(ElementType::kUint8, {2}, {128, 3})});
  EXPECT_EQ(y.type, ElementType::kInt32);
  std::vector<float> expected;
  const std::vector<float> rows = {-128, 127, 0, 5, 1, 2, 3, 4};
  for (int row = 0; row < 2; ++row) {
    for (int column = 0; column < 2; ++column) {
      int64_t sum = 0;
      for (int k = 0; k < 4; ++k) {
        sum += (static_cast<int64_t>(rows[row * 4 + k]) + 5) *
               (b.constant->Integer(k * 2 + column) - (column == 0 ? 128 : 3));
      }
      expected.push_back(static_cast<float>(sum));
    }
  }
  EXPECT_EQ(importer.Run(y, rows, 2), expected);
  EXPECT_THAT(importer.builder().notes(), IsEmpty());
}

TEST(OnnxQuantizedLayers, TellsWhereSumsMayBeTooLargeForFloats) {
  NodeImporter importer;
  const Value a = importer.Input({1, 1024}, ElementType::kUint8);
  const Value b = Integers(ElementType::kInt8, {1024, 1}, std::vector<int64_t>(1024, 100));
  importer.Import(NodeText("MatMulInteger"), {a, b});
  ASSERT_EQ(importer.builder().notes().size(), 1);
  EXPECT_THAT(importer.builder().notes()[0], HasSubstr("reach 26112000"));
}

TEST(OnnxQuantizedLayers, RefusesWhatIsNoConstant) {
  NodeImporter importer;
  const Value x = importer.Input({1, 2, 2, 2}, ElementType::kUint8);
  const Value one = Floats({}, {1.0f}), zero = Integers(ElementType::kUint8, {}, {0});
  EXPECT_THAT(importer.Refusal(NodeText("ConvInteger"), {x, x}), HasSubstr("weight is computed"));
  EXPECT_THAT(importer.Refusal(NodeText("QLinearConv"), {x, one, zero, x, one, zero, one, zero}),
              HasSubstr("weight is computed"));
  const Value weight = Integers(ElementType::kInt8, {1, 2, 1, 1}, {1, 2});
  const Value no = Integers(ElementType::kInt8, {}, {0});
  EXPECT_THAT(importer.Refusal(NodeText("QLinearConv"), {x, one, zero, weight, one, no, x, zero}),
              HasSubstr("scale is computed"));
  EXPECT_THAT(importer.Refusal(NodeText("QLinearConv"),
                               {x, one, zero, weight, Floats({}, {0.0f}), no, one, zero}),
              HasSubstr("a scale of 0"));
  EXPECT_THAT(
      importer.Refusal(NodeText("QLinearConv"), {x, one, zero, weight, one, no, one, zero,
                                                 Integers(ElementType::kInt32, {2}, {1, 2})}),
      HasSubstr("a bias of int32 2 for 1 channels"));
}

}  // namespace
}  // namespace signum::onnx
