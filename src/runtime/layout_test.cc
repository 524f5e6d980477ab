// Which values get a ring or become bits, and that the numbers are the same then.
#include <fmt/format.h>

#include <cmath>
#include <string>

#include "runtime/testing/expect_exact.h"

namespace signum::runtime {
namespace {

// "24x8x8 bits", "3x17x15 u8", ... of each step.
std::vector<std::string> Outputs(const Graph& graph) {
  std::vector<std::string> outputs;
  const auto program = Compile(graph, {}).value();
  for (const PlannedStep& step : program->steps()) {
    outputs.push_back(step.report.output);
  }
  return outputs;
}

ConvolutionOp Layer(int64_t channels, int weight_bits, int pad_code = 0) {
  ConvolutionOp op;
  op.output_channels = channels;
  op.window = {{3, 3}, {1, 1}, {1, 1}, Padding::All(1)};
  op.weight_quantizer = WeightQuantizer{weight_bits, true};
  op.pad_code = pad_code;
  return op;
}

// A map of 1-bit values that a layer has written.
NodeId Signs(RandomGraph& graph, int64_t channels) {
  const NodeId image = graph.Quantize(graph.input(), 8, 128, 1.0f / 64);
  return graph.Quantize(graph.Convolution(image, Layer(channels, 8)), 1, 0, 0.5f, true);
}

using testing::ElementsAre;

TEST(Layout, SignsBetweenLayersOf1BitAreBits) {
  RandomGraph g({1, 3, 8, 8}, 1, true);
  const NodeId pool = g.Add(MaxPoolOp{Window{{2, 2}, {2, 2}, {1, 1}, {}}}, {Signs(g, 24)});
  const NodeId dropped = g.Add(DropoutOp{}, {pool});
  const NodeId next = g.Quantize(g.Convolution(dropped, Layer(12, 1)), 1, 0, 0.5f);
  g.Linear(g.Add(FlattenOp{}, {next}), 10, WeightQuantizer{1, true});
  EXPECT_THAT(Outputs(g.graph()), ElementsAre("3x8x8 u8", "24x8x8 bits", "24x4x4 bits",
                                              "12x4x4 bits", "10 f32", "10 f32"));
  ExpectExact(g, "");
}

TEST(Layout, OneReaderWithoutUseForBitsKeepsTheCodes) {
  for (int reader = 0; reader < 3; ++reader) {
    RandomGraph g({1, 3, 8, 8}, 2, true);
    const NodeId signs = Signs(g, 16);
    const NodeId pool = g.Add(MaxPoolOp{Window{{1, 1}, {1, 1}, {1, 1}, {}}}, {signs});
    const NodeId binary = g.Convolution(pool, Layer(16, 1));
    switch (reader) {
      case 0: g.Add(AddOp{}, {binary, g.Convolution(signs, Layer(16, 4))}); break;
      case 1: g.Add(AddOp{}, {binary, signs}); break;
      default: g.Add(ConcatOp{1}, {binary, signs}); break;
    }
    EXPECT_EQ(Outputs(g.graph())[1], "16x8x8 u1") << reader;
    EXPECT_EQ(Outputs(g.graph())[2], "16x8x8 u1") << reader;
    ExpectExact(g, fmt::format(" of reader {}", reader));
  }
}

TEST(Layout, LayersThatPadDifferentlyShareCodesAndBits) {
  for (int weight_bits : {1, 4}) {
    RandomGraph g({1, 3, 7, 6}, 3, true);
    const NodeId signs = Signs(g, 9);
    const NodeId a = g.Convolution(signs, Layer(5, weight_bits, 0));
    const NodeId b = g.Convolution(signs, Layer(5, weight_bits, -1));
    const NodeId c = g.Convolution(signs, Layer(5, weight_bits, 1));
    g.Add(AddOp{}, {g.Add(AddOp{}, {a, b}), c});
    EXPECT_EQ(Outputs(g.graph())[1], weight_bits == 1 ? "9x7x6 bits" : "9x7x6 u1");
    ExpectExact(g, "");
  }
}

// What a residual sum keeps as codes, and the signs of that: as bits, as codes where a reader
// wants them, and behind a pool, in a step of their own.
TEST(Layout, SignsOfCodes) {
  for (int form = 0; form < 3; ++form) {
    RandomGraph g({1, 3, 9, 8}, 7, true);
    const NodeId image = g.Quantize(g.input(), 8, 128, 1.0f / 64);
    const NodeId kept = g.Quantize(g.Convolution(image, Layer(20, 8)), 6, 31, 0.5f);
    const MaxPoolOp pool{Window{{2, 2}, {1, 1}, {1, 1}, {}}};
    const NodeId source = form == 2 ? g.Add(pool, {kept}) : kept;
    const NodeId signs = g.Quantize(source, 1, 0, 0.25f, form != 1);
    const NodeId layer = g.Convolution(signs, Layer(20, form == 1 ? 3 : 1));
    const NodeId sum = g.Quantize(g.Add(AddOp{}, {layer, source}), 5, 16, 1.0f);
    g.Convolution(g.Quantize(sum, 1, 0, 0.5f, true), Layer(9, 1));
    if (form == 2) {
      EXPECT_THAT(Outputs(g.graph()),
                  ElementsAre("3x9x8 u8", "20x9x8 u6", "20x8x7 u6", "20x8x7 bits",
                              "20x8x7 u5 and bits", "9x8x7 f32", "9x8x7 f32"));
    } else {
      EXPECT_THAT(Outputs(g.graph()),
                  ElementsAre("3x9x8 u8", form == 0 ? "20x9x8 u6 and bits" : "20x9x8 u6 and signs",
                              "20x9x8 u5 and bits", "9x9x8 f32", "9x9x8 f32"));
    }
    ExpectExact(g, fmt::format(" of form {}", form));
  }
}

// 131073 x 131073 pixels of ring around one pixel would be 17 GB.
TEST(Layout, ARingMuchLargerThanItsMapIsNone) {
  for (int bits : {1, 8}) {
    RandomGraph g({1, 1, 1, 1}, 4, true);
    NodeId x = g.Quantize(g.input(), 8, 128, 1.0f / 64);
    x = g.Quantize(g.Add(DropoutOp{}, {g.Convolution(x, Layer(8, 8))}), bits, 0, 0.5f);
    ConvolutionOp op = Layer(8, bits);
    op.window = {{1, 1}, {65536, 65536}, {1, 1}, Padding::All(65536)};
    g.Convolution(x, op);
    EXPECT_LT(Compile(g.graph(), {}).value()->arena_bytes_per_image(), 10000);
    ExpectExact(g, "");
  }
}

// Lines that are cut into runs, and threads that share them.
TEST(Layout, LongLines) {
  for (int groups : {1, 2}) {
    RandomGraph g({1, 3, 2, 1500}, 5, true);
    const NodeId signs = Signs(g, 16);
    ConvolutionOp op = Layer(16, 1);
    op.window = {{3, 5}, {1, 2}, {1, 1}, {1, 2, 1, 2}};
    op.groups = groups;
    const NodeId next = g.Quantize(g.Convolution(signs, op), 4, 0, 0.5f);
    g.Convolution(g.Add(ConcatOp{1}, {next, next}), Layer(5, 4));
    ExpectExact(g, "");
  }
}

// Chains of 1-bit layers with windows of every kind, some with a reader more.
TEST(Layout, RandomChainsOfBitsAreExact) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](std::initializer_list<int> choices) {
      return *(choices.begin() + random() % choices.size());
    };
    RandomGraph g(Shape{1, pick({1, 3}), pick({1, 2, 5, 9}), pick({1, 3, 8, 13})}, seed, true);
    const int groups = pick({1, 1, 2, 4});
    NodeId x = Signs(g, groups * pick({1, 5, 8, 16, 40}));
    std::string what = fmt::format("\nseed {}: {}", seed, g.shape(x).ToString());
    const bool pooled = pick({0, 1}) == 1;
    if (pooled) {
      x = g.Add(MaxPoolOp{Window{{2, 2}, {1, 2}, {1, 1}, {1, 1, 0, 1}}}, {x});
      what += ", pooled";
    }
    ConvolutionOp op = Layer(groups * pick({1, 7, 16, 33}), pick({1, 1, 1, 3}));
    if (!pooled) op.pad_code = pick({-1, 0, 1});  // a pool is not padded with codes
    op.groups = groups;
    Window& w = op.window;
    w.padding = {pick({0, 1, 3}), pick({0, 1, 2}), pick({0, 1, 2}), pick({0, 1, 4})};
    w.dilation = {pick({1, 1, 2}), pick({1, 1, 3})};
    w.stride = {pick({1, 1, 2, 3}), pick({1, 1, 2, 3})};
    const Shape& shape = g.shape(x);
    const auto largest = [](int64_t size, int dilation) {
      return static_cast<int>((size - 1) / dilation + 1);
    };
    w.kernel = {std::min(pick({1, 2, 3, 7}),
                         largest(shape[2] + w.padding.top + w.padding.bottom, w.dilation[0])),
                std::min(pick({1, 2, 3, 7}),
                         largest(shape[3] + w.padding.left + w.padding.right, w.dilation[1]))};
    what += fmt::format(", kernel {}x{}, groups {}, {} weight bits, pad code {}", w.kernel[0],
                        w.kernel[1], groups, op.weight_quantizer->bits, op.pad_code);
    NodeId y = g.Convolution(x, op);
    if (pick({0, 1, 2}) == 1) y = g.Add(AddOp{}, {y, g.Convolution(x, op)});
    y = g.Quantize(y, pick({1, 1, 4, 8}), 0, 0.25f);
    if (pick({0, 1}) == 1)
      g.Linear(g.Add(FlattenOp{}, {y}), pick({1, 20}), WeightQuantizer{1, true});
    ExpectExact(g, what);
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace signum::runtime
