// Quantized layers against the interpreter, for equality: scales and biases are
// dyadic here, so that the interpreter's doubles and the runtime's floats both
// hold every intermediate value exactly.
#include <fmt/format.h>

#include <cmath>
#include <string>

#include "format/sgn.h"
#include "kernels/bilinear/bilinear.h"
#include "runtime/testing/expect_exact.h"
#include "runtime/testing/random_graph.h"
#include "runtime/testing/run_program.h"
#include "signum/signum.h"

namespace signum::runtime {
namespace {

// A block with everything that a layer may be fused with drawn at random.
class RandomBlock {
 public:
  explicit RandomBlock(uint32_t seed)
      : random_(seed),
        groups_(Pick({1, 1, 1, 2, 4, 8})),
        in_channels_(groups_ * Pick({1, 3, 8, 16, 64})),
        graph_(Shape{1, in_channels_, Pick({1, 4, 7}), Pick({2, 5, 8})}, seed, true) {
    Build();
  }

  RandomGraph& graph() { return graph_; }
  const std::string& what() const { return what_; }

 private:
  int Pick(std::initializer_list<int> choices) {
    return *(choices.begin() + random_() % choices.size());
  }

  NodeId QuantizeAtRandom(NodeId in, const char* name) {
    const int bits = Pick({1, 1, 2, 3, 4, 5, 6, 7, 8, 8});
    const int highest = (1 << bits) - 1;
    const int zero_point = bits == 1 ? 0 : Pick({0, std::min(7, highest), (highest + 1) / 2});
    const bool shift = bits == 1 && Pick({0, 1}) == 1;
    what_ += fmt::format(" {}: {} bits, zero point {}{};", name, bits, zero_point,
                         shift ? ", shift" : "");
    return graph_.Quantize(in, bits, zero_point, std::ldexp(1.0f, -Pick({1, 3, 5})), shift);
  }

  ConvolutionOp ConvolutionAtRandom(NodeId in) {
    ConvolutionOp op;
    op.output_channels = groups_ * Pick({1, 3, 17, 32});
    op.groups = groups_;
    op.bias = Pick({0, 1}) == 1;
    op.weight_quantizer = WeightQuantizer{Pick({1, 1, 2, 4, 8}), Pick({0, 1}) == 1};
    op.window.padding = {Pick({0, 1, 3}), Pick({0, 1, 2}), Pick({0, 1, 2}), Pick({0, 1})};
    op.window.dilation = {Pick({1, 1, 2}), Pick({1, 1, 3})};
    op.window.stride = {Pick({1, 1, 2}), Pick({1, 1, 3})};
    const Shape& shape = graph_.shape(in);
    const auto largest = [](int64_t size, int before, int after, int dilation) {
      return static_cast<int>((size + before + after - 1) / dilation + 1);
    };
    const Padding& pad = op.window.padding;
    op.window.kernel = {
        std::min(Pick({1, 1, 3, 5}), largest(shape[2], pad.top, pad.bottom, op.window.dilation[0])),
        std::min(Pick({1, 1, 3, 4}),
                 largest(shape[3], pad.left, pad.right, op.window.dilation[1]))};
    if (Pick({0, 1}) == 1) op.window = Window{{1, 1}, {1, 1}, {1, 1}, {}};
    const auto& quantize = std::get<QuantizeOp>(graph_.graph().node(in).op);
    if (quantize.bits == 1) op.pad_code = Pick({-1, 0, 1});
    what_ += fmt::format(" kernel {}x{} on {}, {} weight bits, groups {}, pad code {};",
                         op.window.kernel[0], op.window.kernel[1], shape.ToString(),
                         op.weight_quantizer->bits, groups_, op.pad_code);
    return op;
  }

  void Build() {
    const NodeId codes = QuantizeAtRandom(graph_.input(), "in");
    const ConvolutionOp op = ConvolutionAtRandom(codes);
    NodeId value = graph_.Convolution(codes, op);
    if (Pick({0, 1}) == 1) value = graph_.BatchNorm(value);
    if (const int residual = Pick({0, 1, 2}); residual > 0) {
      NodeId other = graph_.Convolution(codes, op);
      if (residual == 2) other = QuantizeAtRandom(other, "residual");
      what_ += residual == 2 ? "" : " float residual;";
      value = Pick({0, 1}) == 1 ? graph_.Add(AddOp{}, {value, other})
                                : graph_.Add(AddOp{}, {other, value});
    }
    if (const int clamp = Pick({0, 1, 2, 3}); clamp > 0) {
      value = graph_.Activation(value, static_cast<ActivationKind>(clamp - 1));
    }
    if (Pick({0, 1, 1}) == 1) {
      const NodeId quantized = QuantizeAtRandom(value, "out");
      // Both the codes and what they are codes of have a reader.
      value = Pick({0, 1}) == 1 ? quantized : graph_.Add(ConcatOp{1}, {quantized, value});
    }
  }

  std::mt19937 random_;
  std::string what_;
  int groups_;
  int in_channels_;
  RandomGraph graph_;
};

TEST(Quantized, RandomBlocksAreExact) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    RandomBlock block(seed);
    ExpectExact(block.graph(), fmt::format("seed {}:{}", seed, block.what()));
    if (testing::Test::HasFatalFailure()) return;
  }
}

// Around the kernels' steps of depth and their column blocks.
TEST(Quantized, LinearLayersOfEverySize) {
  for (int bits : {1, 4, 8}) {
    for (int64_t features : {1, 63, 64, 65, 200}) {
      for (int64_t outputs : {1, 15, 16, 17, 100}) {
        RandomGraph random({1, features}, 3, true);
        const NodeId codes = random.Quantize(random.input(), 4, 8, 0.125f);
        random.Linear(codes, outputs, WeightQuantizer{bits, true});
        ExpectExact(random, fmt::format("{} to {}", features, outputs));
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

ConvolutionOp BinaryConvolution(int64_t channels, Padding padding) {
  ConvolutionOp op;
  op.output_channels = channels;
  op.window = {{3, 3}, {1, 1}, {1, 1}, padding};
  op.weight_quantizer = WeightQuantizer{1, true};
  return op;
}

// Tiles of many rows and of several columns, whose weights a kernel may expand before.
TEST(Quantized, LayersOfManyTilesAreExact) {
  for (int groups : {1, 2}) {
    for (bool dense : {false, true}) {
      RandomGraph g({1, 24 * groups, 11, 9}, 8, true);
      const NodeId codes = g.Quantize(g.input(), 8, 3, 0.25f);
      ConvolutionOp op = BinaryConvolution(200 * groups, Padding::All(1));
      op.groups = groups;
      const NodeId sums = g.Quantize(g.Convolution(codes, op), 8, 100, 2.0f);
      // Another reader that knows no rings, so that patches are gathered.
      if (dense) g.Add(ConcatOp{1}, {sums, codes});
      ExpectExact(g, fmt::format("{} groups{}", groups, dense ? ", dense" : ""));
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

// Codes must stay codes through everything that only moves or selects values.
TEST(Quantized, ValuePreservingOperatorsKeepCodes) {
  for (int bits : {1, 3, 8}) {
    RandomGraph g({1, 8, 9, 9}, 5, true);
    const NodeId codes = g.Quantize(g.input(), bits, bits == 1 ? 0 : 2, 0.25f);
    const NodeId pool = g.Add(MaxPoolOp{Window{{3, 3}, {2, 2}, {1, 1}, Padding::All(1)}}, {codes});
    const NodeId padded = g.Add(PadOp{{0, 1, 1, 0}, {0, 3, 0, 1}, 0.0f}, {pool});
    const NodeId twice = g.Add(ConcatOp{1}, {padded, padded});
    const NodeId larger = g.Add(UpsampleOp{2, UpsampleMode::kNearest}, {twice});
    const NodeId dropped = g.Add(DropoutOp{}, {larger});
    const NodeId conv = g.Convolution(dropped, BinaryConvolution(5, Padding::All(1)));
    const NodeId again = g.Quantize(conv, 4, 3, 0.5f);
    const NodeId flat = g.Add(FlattenOp{}, {again});
    g.Linear(flat, 6, WeightQuantizer{2, true});
    ExpectExact(g, fmt::format("{} bits", bits));
    const auto program = Compile(g.graph(), {.isa = DetectIsa()}).value();
    for (const PlannedStep& step : program->steps()) {
      EXPECT_NE(step.report.ops, "Dequantize") << step.report.name;
    }
  }
}

// Codes give what the floats that they stand for do, to the bit. Shares are dyadic where the
// factor is a power of two, and only there does the interpreter give the same.
TEST(Quantized, BilinearUpsamplingReadsCodes) {
  for (const Shape& shape : {Shape{1, 21, 5, 7}, Shape{1, 3, 1, 9}, Shape{1, 64, 6, 1}}) {
    for (int bits : {1, 4, 8}) {
      for (int factor : {1, 2, 3, 4}) {
        const std::string what = fmt::format("{}, {} bits by {}", shape.ToString(), bits, factor);
        const bool dyadic = factor != 3;
        RandomGraph codes(shape, 12, dyadic), floats(shape, 12, dyadic);
        for (RandomGraph* g : {&codes, &floats}) {
          NodeId x = g->Quantize(g->input(), bits, bits == 1 ? 0 : 5, dyadic ? 0.125f : 0.13f);
          if (g == &floats) x = g->Add(ClampOp{-1000.0f, 1000.0f}, {x});
          g->Add(UpsampleOp{factor, UpsampleMode::kBilinear}, {x});
        }
        if (dyadic) ExpectExact(codes, what);
        const std::vector<float> images = codes.Images(3);
        const std::vector<double> expected = Interpret(codes.graph(), images, 3);
        for (Isa isa : SupportedIsas()) {
          const RunOptions options{isa, /*threads=*/3, /*max_batch=*/2};
          const std::vector<float> got = RunGraph(codes.graph(), images, 3, options);
          EXPECT_EQ(got, RunGraph(floats.graph(), images, 3, options)) << what;
          ASSERT_EQ(got.size(), expected.size());
          for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-5) << what;
          const auto program = Compile(codes.graph(), {.isa = isa}).value();
          const StepReport& report = program->steps()[1].report;
          EXPECT_EQ(report.ops, "Upsample");
          EXPECT_EQ(report.kernel, kernels::SelectBilinear(isa).kernel->name);
        }
      }
    }
  }
}

// A map of one channel and the same codes as one pixel of many lie in one place, but their bits
// do not fill bytes in the same way. All ways of multiplying them are tried.
TEST(Quantized, PlanesAreThoseOfOneShape) {
  RandomGraph g({1, 1, 8, 9}, 7, true);
  const NodeId codes = g.Quantize(g.input(), 2, 1, 0.25f);
  ConvolutionOp op;
  op.output_channels = 32;
  op.window = {{8, 9}, {1, 1}, {1, 1}, {}};
  op.weight_quantizer = WeightQuantizer{1, true};
  const NodeId map = g.Add(FlattenOp{}, {g.Convolution(codes, op)});
  const NodeId row = g.Add(ReshapeOp{{0, 72}}, {codes});
  g.Add(AddOp{}, {map, g.Linear(row, 32, WeightQuantizer{1, true})});
  const std::vector<float> images = g.Images(1);
  const std::vector<double> expected = Interpret(g.graph(), images, 1);
  for (Isa isa : SupportedIsas()) {
    CompileOptions options{.isa = isa};
    const auto usual = Compile(g.graph(), options).value();
    for (const PlannedStep& step : usual->steps()) {
      for (const Tactic& tactic : step.report.tactics) {
        if (tactic.makes_planes) options.tactics[step.report.name] = NameOf(tactic);
      }
    }
    ASSERT_EQ(options.tactics.size(), 2u);
    const auto executor = Executor::Create(Compile(g.graph(), options).value(), {}).value();
    std::vector<float> got(expected.size());
    ASSERT_TRUE(executor->Run(images, 1, got));
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected[i]) << IsaName(isa);
  }
}

TEST(Quantized, AveragesOfCodesAreExact) {
  for (int bits : {1, 8}) {
    RandomGraph g({1, 8, 8, 8}, 6, true);
    const NodeId codes = g.Quantize(g.input(), bits, bits == 1 ? 0 : 128, 0.25f);
    const AveragePoolOp pool{Window{{2, 2}, {2, 2}, {1, 1}, {0, 1, 0, 1}}, true};
    const NodeId mean = g.Add(pool, {codes});
    g.Add(ConcatOp{3},
          {g.Add(GlobalAveragePoolOp{}, {codes}), g.Add(GlobalAveragePoolOp{}, {mean})});
    // Means of 4 and 64; those of 20 are not dyadic, so the last is left near.
    const std::vector<float> images = g.Images(1);
    const std::vector<double> expected = Interpret(g.graph(), images, 1);
    const std::vector<float> got = RunGraph(g.graph(), images, 1, {.isa = DetectIsa()});
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-6);
  }
}

// Layers of which only one side is quantized run on floats.
TEST(Quantized, MixedLayersRunOnFloats) {
  RandomGraph g({1, 4, 6, 6}, 8, true);
  ConvolutionOp op = BinaryConvolution(5, Padding::All(1));
  const NodeId first = g.Convolution(g.input(), op);  // codes times floats
  const NodeId codes = g.Quantize(first, 1, 0, 0.5f);
  op.weight_quantizer.reset();
  op.pad_code = -1;
  g.Convolution(codes, op);  // floats times codes
  ExpectExact(g, "mixed");
}

// Annotated weights that are floats yet give what frozen ones do.
TEST(Quantized, FloatWeightsWithAQuantizerAreQuantized) {
  RandomGraph g({1, 4, 6, 6}, 9, false);
  const NodeId codes = g.Quantize(g.input(), 8, 128, 1.0f / 128);
  ConvolutionOp op = BinaryConvolution(5, Padding::All(1));
  op.weight_quantizer.reset();
  const NodeId conv = g.Convolution(codes, op);
  Graph graph = g.graph();
  std::get<ConvolutionOp>(graph.node(conv).op).weight_quantizer = WeightQuantizer{1, true};
  const std::vector<float> images = g.Images(1);
  const std::vector<double> expected = Interpret(graph, images, 1);
  const std::vector<float> got = RunGraph(graph, images, 1, {.isa = DetectIsa()});
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-4);
  const auto program = Compile(graph, {.isa = Isa::kScalar}).value();
  EXPECT_THAT(program->steps()[1].report.kernel, testing::HasSubstr("gemm_u8w1"));
}

// -128, which other tools use, with the highest and lowest values: a depthwise layer, a
// convolution and a linear layer, whose sums are as far from 0 as they get.
TEST(Quantized, TakesTheLowestCodeOfEightBits) {
  for (int zero_point : {0, 128, 255}) {
    RandomGraph g({1, 32, 5, 5}, 1, /*dyadic=*/true);
    const auto lowest = [](const Shape& shape) {
      std::map<std::string, Tensor> parameters;
      parameters["weight"] = Tensor(shape, std::vector<int8_t>(shape.elements(), -128));
      parameters["weight_scale"] = Tensor::Filled({shape[0]}, 0x1p-7f);
      return parameters;
    };
    ConvolutionOp op;
    op.output_channels = 32;
    op.window = {{3, 3}, {1, 1}, {1, 1}, Padding::All(1)};
    op.bias = false;
    op.weight_quantizer = WeightQuantizer{8, true};
    const NodeId image = g.Quantize(g.input(), 8, zero_point, 0x1p-8f);
    const NodeId conv = g.Quantize(g.Add(op, {image}, lowest({32, 32, 3, 3})), 8, 200, 0.5f);
    op.groups = 32;
    const NodeId depthwise = g.Quantize(g.Add(op, {conv}, lowest({32, 1, 3, 3})), 8, 7, 2.0f);
    const NodeId mean = g.Add(MaxPoolOp{Window{{5, 5}, {1, 1}, {1, 1}, {}}}, {depthwise});
    g.Add(LinearOp{3, false, WeightQuantizer{8, true}}, {g.Add(FlattenOp{}, {mean})},
          lowest({3, 32}));
    ExpectExact(g, fmt::format("zero-point {}", zero_point));
    for (float pixel : {-1.0f, 1.0f}) {
      const std::vector<float> images(32 * 25, pixel);
      const std::vector<double> expected = Interpret(g.graph(), images, 1);
      for (Isa isa : SupportedIsas()) {
        const std::vector<float> got = RunGraph(g.graph(), images, 1, {.isa = isa});
        for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected[i]) << IsaName(isa);
      }
    }
  }
}

// 255 times this many pixels is more than an int32 holds.
TEST(Quantized, AveragesMapsOfAnySize) {
  RandomGraph g({1, 1, 2903, 2903}, 1);
  g.Add(GlobalAveragePoolOp{}, {g.Quantize(g.input(), 8, 0, 1.0f / 256)});
  const std::vector<float> images(2903 * 2903, 1.0f);
  const std::vector<float> got = RunGraph(g.graph(), images, 1, {.isa = DetectIsa()});
  EXPECT_NEAR(got[0], 255.0 / 256, 1e-3);
}

TEST(Quantized, RefusesASumThatCouldOverflow) {
  RandomGraph g({1, 70000}, 1);
  const NodeId codes = g.Quantize(g.input(), 8, 0, 0.01f);
  g.Add(LinearOp{1, false, WeightQuantizer{8, true}}, {codes},
        {{"weight", Tensor({1, 70000}, std::vector<int8_t>(70000, 127))},
         {"weight_scale", Tensor::Filled({1}, 0.01f)}});
  const auto program = Compile(g.graph(), {});
  ASSERT_FALSE(program);
  EXPECT_THAT(program.error().message, testing::HasSubstr("node 'n2'"));
}

std::string OutputOf(const Graph& graph, const std::string& name) {
  const auto program = Compile(graph, {}).value();
  for (const PlannedStep& step : program->steps()) {
    if (step.report.name == name) return step.report.output;
  }
  return "";
}

// Signs that one layer of bits reads, and then another layer or a sum.
TEST(Quantized, SignsOfAResidualHaveTwoReaders) {
  for (bool in_sum : {false, true}) {
    for (int bits : {0, 1, 8}) {  // of the quantizer behind the sum
      RandomGraph g({1, 16, 6, 7}, 11, true);
      const NodeId image = g.Quantize(g.input(), 8, 128, 1.0f / 64);
      const NodeId producer = g.BatchNorm(g.Convolution(image, BinaryConvolution(24, {})));
      const NodeId signs = g.Quantize(producer, 1, 0, 0.5f, true);
      const NodeId layer =
          g.BatchNorm(g.Convolution(signs, BinaryConvolution(24, Padding::All(1))));
      const NodeId other =
          in_sum ? signs : g.Convolution(signs, BinaryConvolution(24, Padding::All(1)));
      const NodeId sum = g.Add(AddOp{}, {layer, other});
      if (bits > 0) {
        g.Convolution(g.Quantize(sum, bits, 0, 0.5f), BinaryConvolution(9, Padding::All(1)));
      }
      // A sum takes codes; where only layers of bits read them, signs are bits.
      EXPECT_EQ(OutputOf(g.graph(), "n2"), in_sum ? "24x4x5 u1" : "24x4x5 bits");
      ExpectExact(g, fmt::format("{} bits behind the sum", bits));
    }
  }
}

// Of the input, whose chain takes no signs, of a pool and of a layer.
TEST(Quantized, SignsOfSignsOfCodes) {
  for (int source = 0; source < 3; ++source) {
    RandomGraph g({1, 5, 6, 7}, 14, true);
    NodeId codes = g.Quantize(g.input(), 8, 128, 1.0f / 64);
    if (source == 1) codes = g.Add(MaxPoolOp{Window{{2, 2}, {1, 1}, {1, 1}, {}}}, {codes});
    if (source == 2) {
      codes = g.Quantize(g.Convolution(codes, BinaryConvolution(6, {})), 4, 8, 0.5f);
    }
    const NodeId once = g.Quantize(codes, 1, 0, 0.5f, true);
    const NodeId twice = g.Quantize(once, 1, 0, 0.25f, true);
    const NodeId thrice = g.Quantize(twice, 1, 0, 0.125f);
    g.Add(AddOp{}, {g.Convolution(twice, BinaryConvolution(9, Padding::All(1))),
                    g.Convolution(thrice, BinaryConvolution(9, Padding::All(1)))});
    ExpectExact(g, fmt::format("source {}", source));
  }
}

// A factor below 0 turns the order of sums around, and the largest sum is not the one whose
// sign the pool must find.
TEST(Quantized, SignsBehindNegativeFactorsArePooledAsBits) {
  for (bool quantized_first : {false, true}) {
    for (bool shift : {false, true}) {
      RandomGraph g({1, 3, 9, 8}, 12, true);
      const NodeId image = g.Quantize(g.input(), 8, 128, 1.0f / 64);
      const NodeId conv = g.Convolution(image, BinaryConvolution(40, Padding::All(1)));
      BatchNormOp norm;
      norm.epsilon = 0x1p-10f;
      std::vector<float> gamma(40);
      for (size_t c = 0; c < gamma.size(); ++c) gamma[c] = c % 4 == 0 ? 0.0f : -0x1p-3f;
      NodeId x = g.Add(norm, {conv},
                       {{"weight", Tensor({40}, std::move(gamma))},
                        {"bias", Tensor({40}, g.Floats(40, 0.5f))},
                        {"running_mean", Tensor({40}, g.Floats(40, 0.5f))},
                        {"running_var", Tensor::Filled({40}, 1.0f - norm.epsilon)}});
      const MaxPoolOp pool{Window{{3, 2}, {2, 2}, {1, 1}, {1, 0, 1, 0}}};
      if (quantized_first) x = g.Quantize(x, 1, 0, 0.5f, shift);
      x = g.Add(pool, {x});
      if (!quantized_first) x = g.Quantize(x, 1, 0, 0.5f, shift);
      g.Convolution(x, BinaryConvolution(10, Padding::All(1)));
      EXPECT_EQ(OutputOf(g.graph(), "n2"), "40x9x8 bits");
      ExpectExact(g, fmt::format("quantized first: {}, shift: {}", quantized_first, shift));
    }
  }
}

// Factor -2 / 2, mean 3 and shift 1: the sign behind is +1 where the sum is at most 4.
TEST(Quantized, AFallingBatchNormFiresUpToItsThreshold) {
  RandomGraph g({1, 1, 1, 1}, 14);
  const auto one = [](float value) { return Tensor::Filled({1}, value); };
  const auto layer = [&](NodeId in) {
    ConvolutionOp op{.output_channels = 1, .bias = false};
    op.weight_quantizer = WeightQuantizer{1, false};
    return g.Add(
        op, {in},
        {{"weight", Tensor({1, 1, 1, 1}, std::vector<int8_t>{1})}, {"weight_scale", one(1)}});
  };
  const NodeId norm = g.Add(
      BatchNormOp{.epsilon = 1}, {layer(g.Quantize(g.input(), 8, 0, 1))},
      {{"weight", one(-2)}, {"bias", one(1)}, {"running_mean", one(3)}, {"running_var", one(3)}});
  layer(g.Quantize(norm, 1, 0, 1));
  for (Isa isa : SupportedIsas()) {
    EXPECT_EQ(RunGraph(g.graph(), {0, 3, 4, 5, 200}, 5, {.isa = isa}),
              (std::vector<float>{1, 1, 1, -1, -1}));
  }
}

// A 5x5 layer over as many channels, all codes of a weight being `code`.
RandomGraph WideLayer(int64_t channels, int bits, int8_t code, int zero_point) {
  RandomGraph g({1, channels, 5, 5}, 13, true);
  const NodeId codes = g.Quantize(g.input(), 8, zero_point, 0x1p-8f);
  ConvolutionOp op;
  op.output_channels = 2;
  op.window.kernel = {5, 5};
  op.bias = false;
  op.weight_quantizer = WeightQuantizer{bits, true};
  const Shape shape{2, channels, 5, 5};
  g.Add(op, {codes},
        {{"weight", Tensor(shape, std::vector<int8_t>(shape.elements(), code))},
         {"weight_scale", Tensor::Filled({2}, 1.0f)}});
  return g;
}

TEST(Quantized, TheLargestSumsOfWideLayersAreExact) {
  struct Case {
    int64_t channels;
    int bits, code;
  };
  // 3072 x 25 x 255 x 109 and 2631 x 25 x 255 x 128 are the most that fit.
  for (const Case& c : {Case{3072, 1, 1}, Case{3072, 1, -1}, Case{3072, 8, 109},
                        Case{3072, 8, -109}, Case{2631, 8, -128}}) {
    for (int zero_point : {0, 128, 255}) {
      const RandomGraph g = WideLayer(c.channels, c.bits, static_cast<int8_t>(c.code), zero_point);
      ASSERT_TRUE(ParseSgn(SerializeSgn(g.graph()))) << c.channels << " channels of " << c.code;
      for (int code : {0, 255}) {
        const int64_t sum = c.channels * 25 * c.code * (code - zero_point);
        const std::vector<float> images(static_cast<size_t>(c.channels * 25),
                                        static_cast<float>(code - zero_point) * 0x1p-8f);
        const std::vector<float> expected(2, static_cast<float>(sum) * 0x1p-8f);
        for (Isa isa : SupportedIsas()) {
          EXPECT_EQ(RunGraph(g.graph(), images, 1, {.isa = isa}), expected)
              << IsaName(isa) << ", " << c.channels << " channels of " << c.code << ", code "
              << code << " from " << zero_point;
        }
      }
    }
  }
}

TEST(Quantized, LayersWhoseSumsCouldOverflowAreRefusedAtLoad) {
  struct Case {
    int64_t channels;
    int code;
  };
  for (const Case& c : {Case{3072, 110}, Case{3072, -110}, Case{3072, -128}, Case{2632, -128}}) {
    const RandomGraph g = WideLayer(c.channels, 8, static_cast<int8_t>(c.code), 0);
    ASSERT_TRUE(Verify(g.graph()));
    const std::vector<uint8_t> file = SerializeSgn(g.graph());
    const auto model = Model::Parse(file.data(), file.size());
    ASSERT_FALSE(model) << c.channels << " channels of " << c.code;
    EXPECT_EQ(model.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(model.error().message, testing::HasSubstr("node 'n2' (Convolution): the sum"));
    EXPECT_FALSE(Compile(g.graph(), {})) << c.channels << " channels of " << c.code;
  }
}

}  // namespace
}  // namespace signum::runtime
