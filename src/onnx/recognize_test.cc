// Every pattern: what it becomes, and that the graph computes the same as before.
#include "onnx/recognize.h"

#include <random>

#include "onnx/testing/node_importer.h"

namespace signum::onnx {
namespace {

using ::testing::ElementsAre;

// Builds graphs by hand.
class Builder {
 public:
  explicit Builder(Shape input) { graph.Add("input", InputOp{std::move(input)}, {}); }

  NodeId Add(Op op, std::vector<NodeId> inputs, std::map<std::string, Tensor> parameters = {}) {
    return graph.Add(fmt::format("n{}", graph.size()), std::move(op), std::move(inputs),
                     std::move(parameters));
  }
  NodeId Constant(Shape shape, std::vector<float> values) {
    return Add(ConstantOp{shape}, {}, {{"value", Tensor(shape, std::move(values))}});
  }
  NodeId OneBit(NodeId x, float scale) {
    return Add(QuantizeOp{.bits = 1}, {x}, {{"scale", Tensor::Filled({1}, scale)}});
  }
  NodeId Sign(NodeId x) { return Add(ActivationOp{ActivationKind::kSign}, {x}); }
  NodeId Convolution(NodeId x, int64_t in, Padding padding = {}) {
    std::vector<float> weight(static_cast<size_t>(in * 9));
    for (size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<float>(i % 7) - 3;
    ConvolutionOp op{.output_channels = 1, .bias = false};
    op.window.kernel = {3, 3};
    op.window.padding = padding;
    return Add(op, {x}, {{"weight", Tensor({1, in, 3, 3}, std::move(weight))}});
  }

  Graph graph;
};

// Images of quarters, zeros among them.
std::vector<float> Images(const Graph& graph, int64_t batch) {
  std::mt19937 random(3);
  std::vector<float> images;
  for (int64_t i = 0; i < batch * graph.input_shape().elements(); ++i) {
    images.push_back(static_cast<float>(static_cast<int>(random() % 17) - 8) / 4);
  }
  return images;
}

Graph Recognized(const Graph& graph) {
  Graph recognized = RecognizePatterns(graph);
  const std::vector<float> images = Images(graph, 2);
  for (const Isa isa : SupportedIsas()) {
    const runtime::RunOptions options{.isa = isa, .threads = 1, .max_batch = 2};
    EXPECT_EQ(runtime::RunGraph(recognized, images, 2, options),
              runtime::RunGraph(graph, images, 2, options))
        << IsaName(isa);
  }
  return recognized;
}

TEST(RecognizePatterns, FindsTheSignsOfOurExport) {
  Builder b({1, 2, 2, 3});
  const NodeId shifted = b.Add(SubtractOp{}, {0, b.Constant({1, 2, 1, 1}, {0.25f, -0.5f})});
  const NodeId raised = b.Add(AddOp{}, {b.Sign(shifted), b.Constant({1, 1, 1, 1}, {0.5f})});
  b.Add(MultiplyOp{}, {b.Sign(raised), b.Constant({1, 1, 1, 1}, {0.75f})});
  const Graph graph = Recognized(b.graph);
  EXPECT_EQ(OpsOf(graph), "Input Quantize");
  EXPECT_EQ(std::get<QuantizeOp>(graph.node(1).op), (QuantizeOp{.bits = 1, .zero_point = 0}));
  EXPECT_THAT(graph.node(1).Find("scale")->floats(), ElementsAre(0.75));
  EXPECT_THAT(graph.node(1).Find("shift")->floats(), ElementsAre(0.25, -0.5));
}

TEST(RecognizePatterns, FindsSignsWithoutShiftAndScaleAndInAnyOrder) {
  Builder b({1, 4});
  const NodeId half = b.Constant({1, 1}, {0.5f});
  const NodeId bits = b.Sign(b.Add(AddOp{}, {half, b.Sign(0)}));
  Graph graph = Recognized(b.graph);
  EXPECT_EQ(OpsOf(graph), "Input Quantize");
  EXPECT_EQ(graph.node(1).Find("shift"), nullptr);
  EXPECT_THAT(graph.node(1).Find("scale")->floats(), ElementsAre(1));

  // A scale for each channel is no quantizer's.
  b.Add(MultiplyOp{}, {b.Constant({1, 4}, {1, 2, 3, 4}), bits});
  EXPECT_EQ(OpsOf(Recognized(b.graph)), "Input Quantize Constant Multiply");
}

TEST(RecognizePatterns, LeavesOtherSignsAlone) {
  Builder b({1, 4});
  b.Sign(b.Add(AddOp{}, {b.Sign(0), b.Constant({1, 1}, {0.25f})}));
  EXPECT_EQ(Recognized(b.graph).size(), b.graph.size());
  Builder c({1, 1});
  c.Sign(c.Add(AddOp{}, {c.Sign(0), c.Constant({1, 3}, {0.5f, 0.5f, 0.5f})}));
  EXPECT_EQ(Recognized(c.graph).size(), c.graph.size());
}

TEST(RecognizePatterns, KeepsWhatOthersRead) {
  Builder b({1, 4});
  const NodeId sign = b.OneBit(0, 1.0f);
  const NodeId doubled = b.Add(MultiplyOp{}, {sign, b.Constant({1, 1}, {2})});
  b.Add(AddOp{}, {sign, doubled});
  EXPECT_EQ(OpsOf(Recognized(b.graph)), "Input Quantize Constant Multiply Add");
}

TEST(RecognizePatterns, FindsTheNormalizationOfTheInput) {
  Builder b({1, 2, 3, 3});
  const NodeId centered = b.Add(SubtractOp{}, {0, b.Constant({1, 2, 1, 1}, {0.5f, 0.25f})});
  b.Add(DivideOp{}, {centered, b.Constant({1, 2, 1, 1}, {0.5f, 0.25f})});
  const Graph graph = Recognized(b.graph);
  EXPECT_EQ(OpsOf(graph), "Input Normalize");
  EXPECT_EQ(std::get<NormalizeOp>(graph.node(1).op),
            (NormalizeOp{.mean = {0.5f, 0.25f}, .deviation = {0.5f, 0.25f}}));

  Builder negative({1, 2, 3, 3});
  const NodeId difference =
      negative.Add(SubtractOp{}, {0, negative.Constant({1, 2, 1, 1}, {0.5f, 0.25f})});
  negative.Add(DivideOp{}, {difference, negative.Constant({1, 1, 1, 1}, {-2})});
  EXPECT_EQ(Recognized(negative.graph).size(), negative.graph.size());
}

TEST(RecognizePatterns, FindsSwish) {
  for (const bool turned : {false, true}) {
    Builder b({1, 4});
    const NodeId x = b.Add(ActivationOp{ActivationKind::kTanh}, {0});
    const NodeId sigmoid = b.Add(ActivationOp{ActivationKind::kSigmoid}, {x});
    b.Add(MultiplyOp{}, turned ? std::vector<NodeId>{sigmoid, x} : std::vector<NodeId>{x, sigmoid});
    const Graph graph = RecognizePatterns(b.graph);
    ASSERT_EQ(graph.size(), 3);
    EXPECT_EQ(std::get<ActivationOp>(graph.node(2).op).kind, ActivationKind::kSwish);
  }
  Builder gate({1, 4});
  const NodeId x = gate.Add(ActivationOp{ActivationKind::kTanh}, {0});
  gate.Add(MultiplyOp{}, {x, gate.Add(ActivationOp{ActivationKind::kSigmoid}, {0})});
  EXPECT_EQ(Recognized(gate.graph).size(), gate.graph.size());
}

TEST(RecognizePatterns, FindsPaddingOfOneBitValues) {
  for (const float value : {-0.5f, 0.0f, 0.5f, 0.25f}) {
    Builder b({1, 2, 3, 4});
    const NodeId padded = b.Add(
        PadOp{.before = {0, 0, 1, 2}, .after = {0, 0, 0, 1}, .value = value}, {b.OneBit(0, 0.5f)});
    b.Convolution(padded, 2);
    const Graph graph = Recognized(b.graph);
    if (value == 0.25f) {
      EXPECT_EQ(graph.size(), b.graph.size());
      continue;
    }
    ASSERT_EQ(OpsOf(graph), "Input Quantize Convolution");
    const auto& op = std::get<ConvolutionOp>(graph.node(2).op);
    EXPECT_EQ(op.pad_code, value == 0 ? 0 : (value > 0 ? 1 : -1));
    EXPECT_EQ(op.window.padding, (Padding{.top = 1, .left = 2, .bottom = 0, .right = 1}));
  }
}

TEST(RecognizePatterns, AddsZerosToTheZerosOfAConvolution) {
  Builder b({1, 2, 3, 4});
  const PadOp pad{.before = {0, 0, 1, 0}, .after = {0, 0, 0, 2}};
  b.Convolution(b.Add(pad, {0}), 2, Padding::All(1));
  const Graph graph = Recognized(b.graph);
  ASSERT_EQ(OpsOf(graph), "Input Convolution");
  EXPECT_EQ(std::get<ConvolutionOp>(graph.node(1).op).window.padding,
            (Padding{.top = 2, .left = 1, .bottom = 1, .right = 3}));

  // Channels and what is cut off are no padding.
  Builder c({1, 1, 4, 4});
  c.Convolution(c.Add(PadOp{.before = {0, 1, 0, 0}, .after = {0, 0, 0, 0}}, {0}), 2);
  EXPECT_EQ(Recognized(c.graph).size(), 3);
  Builder d({1, 2, 4, 4});
  d.Convolution(d.Add(PadOp{.before = {0, 0, -1, 0}, .after = {0, 0, 0, 0}}, {0}), 2);
  EXPECT_EQ(Recognized(d.graph).size(), 3);
  // Nor do signs go with zeros that are there already.
  Builder e({1, 2, 4, 4});
  const PadOp ones{.before = {0, 0, 1, 0}, .after = {0, 0, 0, 0}, .value = 1};
  e.Convolution(e.Add(ones, {e.OneBit(0, 1.0f)}), 2, Padding::All(1));
  EXPECT_EQ(Recognized(e.graph).size(), 4);
}

TEST(RecognizePatterns, KeepsWhatIsWrittenAboutTheGraph) {
  Builder b({1, 4});
  b.Add(ActivationOp{}, {0});
  b.graph.name = "net";
  b.graph.metadata["data"] = "none";
  b.graph.class_names = {"a", "b", "c", "d"};
  EXPECT_EQ(RecognizePatterns(b.graph), b.graph);
}

}  // namespace
}  // namespace signum::onnx
