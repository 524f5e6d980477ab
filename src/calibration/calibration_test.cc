#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "calibration/biases.h"
#include "calibration/post_training.h"
#include "calibration/quantizers.h"
#include "calibration/sensitivity.h"
#include "graph/passes/equalize_layers.h"
#include "graph/passes/fold_batch_norm.h"
#include "quant/freeze_weights.h"
#include "runtime/testing/random_graph.h"
#include "runtime/testing/run_program.h"

namespace signum::calibration {
namespace {

using runtime::RandomGraph;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

data::Dataset Noise(int64_t images) {
  std::mt19937 random(5);
  data::Dataset set{.name = "noise", .image_shape = {3, 8, 7}, .class_names = {"a", "b", "c", "d"}};
  for (int64_t i = 0; i < images; ++i) set.labels.push_back(static_cast<int32_t>(i % 4));
  set.images.resize(static_cast<size_t>(images * set.image_shape.elements()));
  for (uint8_t& byte : set.images) byte = static_cast<uint8_t>(random() % 200);
  return set;
}

ConvolutionOp Convolution3x3(int64_t channels, int groups = 1) {
  ConvolutionOp op;
  op.output_channels = channels;
  op.window = {{3, 3}, {1, 1}, {1, 1}, Padding::All(1)};
  op.groups = groups;
  return op;
}

// A stem, a residual block whose shortcut is signed, a depthwise layer, hard swish
// (values a little below zero), and a softmax.
Graph FloatNetwork(bool softmax = true) {
  RandomGraph g({1, 3, 8, 7}, 3);
  const auto relu = [&](NodeId in) { return g.Activation(in, ActivationKind::kRelu); };
  const NodeId x = g.Add(NormalizeOp{{0.3f, 0.4f, 0.5f}, {0.2f, 0.2f, 0.25f}}, {g.input()});
  const NodeId stem = g.BatchNorm(g.Convolution(x, Convolution3x3(8)));
  const NodeId a = relu(g.BatchNorm(g.Convolution(stem, Convolution3x3(8))));
  const NodeId b = g.Add(AddOp{}, {g.BatchNorm(g.Convolution(a, Convolution3x3(8))), stem});
  const NodeId swish = g.Activation(b, ActivationKind::kHardSwish);
  const NodeId depthwise = relu(g.BatchNorm(g.Convolution(swish, Convolution3x3(8, 8))));
  const NodeId pool = g.Add(MaxPoolOp{Window{{2, 2}, {2, 2}, {1, 1}, {}}}, {depthwise});
  const NodeId mean = g.Add(GlobalAveragePoolOp{}, {pool});
  const NodeId logits = g.Linear(g.Add(FlattenOp{}, {mean}), 4);
  if (softmax) g.Add(SoftmaxOp{}, {logits});
  return g.graph();
}

std::vector<float> Outputs(const Graph& graph, const data::Dataset& dataset,
                           Isa isa = DetectIsa()) {
  std::vector<float> images;
  for (uint8_t byte : dataset.images) images.push_back(static_cast<float>(byte) / 255.0f);
  return runtime::RunGraph(graph, images, dataset.size(), {.isa = isa, .max_batch = 8});
}

double LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(double{a[i]} - b[i]));
  return a.size() == b.size() ? largest : std::numeric_limits<double>::infinity();
}

QuantizationPolicy EightBits() { return {.weight_bits = 8, .activation_bits = 8}; }

TEST(QuantizeAfterTraining, StaysCloseToTheFloatNetwork) {
  const data::Dataset images = Noise(40);
  const Graph network = FloatNetwork(/*softmax=*/false);
  const std::vector<float> expected = Outputs(network, images);
  const auto [low, high] = std::minmax_element(expected.begin(), expected.end());
  for (const std::string& name : quant::RangeMethodNames()) {
    const quant::RangeChoice choice{.method = quant::ParseRangeMethod(name).value()};
    const auto quantized =
        QuantizeAfterTraining(network, {.policy = EightBits(), .values = choice, .weights = choice},
                              {.dataset = &images, .count = 40});
    ASSERT_TRUE(quantized) << quantized.error().message;
    EXPECT_LT(LargestDifference(Outputs(*quantized, images), expected), 0.03 * (*high - *low))
        << name;
  }
}

TEST(QuantizeAfterTraining, ZeroPointsFollowTheValues) {
  const data::Dataset images = Noise(40);
  const Graph quantized = QuantizeAfterTraining(FloatNetwork(), {.policy = EightBits()},
                                                {.dataset = &images, .count = 40})
                              .value();
  int signed_values = 0;
  for (const Node& node : quantized.nodes()) {
    const auto* op = std::get_if<QuantizeOp>(&node.op);
    EXPECT_FALSE(std::holds_alternative<BatchNormOp>(node.op)) << node.name;
    if (op == nullptr) continue;
    const Node& source = quantized.node(node.inputs[0]);
    const auto* activation = std::get_if<ActivationOp>(&source.op);
    const bool relu = activation != nullptr && activation->kind == ActivationKind::kRelu;
    EXPECT_EQ(op->zero_point == 0, relu || OpName(source.op) == "GlobalAveragePool") << node.name;
    signed_values += op->zero_point != 0 && op->zero_point != 128;
  }
  EXPECT_GE(signed_values, 3);
  // Softmax is of floats.
  EXPECT_FALSE(std::holds_alternative<QuantizeOp>(
      quantized.node(quantized.node(quantized.output()).inputs[0]).op));
}

TEST(QuantizeAfterTraining, GivesTheSameBitsOnEveryInstructionSet) {
  const data::Dataset images = Noise(12);
  Graph quantized = QuantizeAfterTraining(FloatNetwork(),
                                          {.policy = {.weight_bits = 8,
                                                      .activation_bits = 8,
                                                      .layers = {{"n7", 1, 5}, {"n11", 4, 8}}}},
                                          {.dataset = &images, .count = 12})
                        .value();
  const std::vector<float> expected = Outputs(quantized, images, Isa::kScalar);
  for (Isa isa : SupportedIsas()) {
    const std::vector<float> got = Outputs(quantized, images, isa);
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
        << IsaName(isa);
  }
}

TEST(MeasureSensitivity, ProbesTheLayersThatHaveNoPrecisionOfTheirOwn) {
  const data::Dataset images = Noise(24);
  std::vector<std::string> stages;
  const PostTrainingOptions options{.policy = {.layers = {{"n7", 4, 8}}}};
  const auto measured =
      MeasureSensitivity(FloatNetwork(), options, {1, 4, 8},
                         {.dataset = &images,
                          .count = 24,
                          .progress =
                              [&](const Progress& progress) {
                                if (stages.empty() || stages.back() != progress.stage)
                                  stages.push_back(progress.stage);
                              }},
                         /*timed=*/true);
  ASSERT_TRUE(measured) << measured.error().message;
  EXPECT_EQ(stages, (std::vector<std::string>{"ranges", "histograms", "layers", "times"}));
  std::vector<std::string> general;
  const Graph marked =
      InsertQuantizers(FoldBatchNorm(FloatNetwork()), {.weight_bits = 3, .layers = {{"n7", 4, 8}}})
          .value();
  for (const Node& node : marked.nodes()) {
    const WeightQuantizer* quantizer = WeightQuantizerOf(node.op);
    if (quantizer != nullptr && quantizer->bits == 3) general.push_back(node.name);
  }
  ASSERT_EQ(measured->layers.size(), general.size());
  EXPECT_GT(measured->other_milliseconds, 0);
  for (size_t i = 0; i < general.size(); ++i) {
    const LayerProbes& layer = measured->layers[i];
    EXPECT_EQ(layer.layer, general[i]);
    ASSERT_EQ(layer.probes.size(), 3u);
    EXPECT_LT(layer.probes[0].bytes, layer.probes[1].bytes);
    EXPECT_LT(layer.probes[1].bytes, layer.probes[2].bytes);
    EXPECT_EQ(layer.probes[2].loss_rise, 0);  // the network that all are compared with
    EXPECT_EQ(layer.probes[2].accuracy_drop, 0);
    EXPECT_GE(layer.probes[0].loss_rise, 0);
    EXPECT_GT(layer.probes[0].milliseconds, 0);
  }
}

TEST(MeasureSensitivity, RefusesImagesThatDoNotFit) {
  data::Dataset images = Noise(4);
  const auto refused = [&](const Images& of) {
    const auto measured = MeasureSensitivity(FloatNetwork(), {}, {8}, of, /*timed=*/false);
    return measured ? "" : measured.error().message;
  };
  images.class_names.resize(9);
  EXPECT_THAT(refused({.dataset = &images, .count = 4}), testing::HasSubstr("has 9 classes"));
  EXPECT_THAT(refused({.dataset = &images, .count = 0}), testing::HasSubstr("take 1 or more"));
  images.image_shape = {3, 16, 16};
  EXPECT_THAT(refused({.dataset = &images, .count = 4}), testing::HasSubstr("3x16x16"));
}

TEST(CalibrateQuantizers, MinMaxCoversWhatWasSeen) {
  data::Dataset images = Noise(3);
  RandomGraph g({1, 3, 8, 7}, 1);
  g.Convolution(g.Add(NormalizeOp{{0.3f, 0.3f, 0.3f}, {0.5f, 0.5f, 0.5f}}, {g.input()}),
                Convolution3x3(2));
  const auto [low, high] = std::minmax_element(images.images.begin(), images.images.end());
  const quant::Range seen{(*low / 255.0f - 0.3f) / 0.5f, (*high / 255.0f - 0.3f) / 0.5f};
  Graph quantized = InsertQuantizers(g.graph(), EightBits()).value();
  ASSERT_TRUE(CalibrateQuantizers(quantized, g.graph(), {.dataset = &images, .count = 99}, {}));
  const quant::AffineParameters expected = quant::ChooseQuantizationParams(seen, 0, 255, false);
  EXPECT_EQ(quantized.node(2).Find("scale")->floats()[0], expected.scale);
  EXPECT_EQ(std::get<QuantizeOp>(quantized.node(2).op).zero_point, expected.zero_point);
}

TEST(CalibrateQuantizers, OneBitTakesEachChannelsMean) {
  const data::Dataset images = Noise(20);
  Graph floats;
  floats.Add("x", InputOp{{1, 3, 8, 7}}, {});
  ConvolutionOp op = Convolution3x3(1);
  op.bias = false;
  floats.Add("conv", op, {0}, {{"weight", Tensor::Filled({1, 3, 3, 3}, 0.5f)}});
  Graph quantized = InsertQuantizers(floats, {.layers = {{"conv", 1, 1}}}).value();
  ASSERT_TRUE(CalibrateQuantizers(quantized, floats, {.dataset = &images, .count = 20}, {}));
  const Node& quantizer = quantized.node(1);
  for (float shift : quantizer.Find("shift")->floats()) EXPECT_NEAR(shift, 99.5 / 255, 0.02);
  EXPECT_NEAR(quantizer.Find("scale")->floats()[0], 50.0 / 255, 0.01);
}

TEST(CalibrateQuantizers, SignsOfCodesAreThoseOfTheFloats) {
  const data::Dataset images = Noise(20);
  const Graph floats = FoldBatchNorm(FloatNetwork());
  const auto calibrated = [&](int residual_bits) {
    Graph quantized =
        InsertQuantizers(floats, {.activation_bits = 1, .residual_bits = residual_bits}).value();
    EXPECT_TRUE(CalibrateQuantizers(quantized, floats, {.dataset = &images, .count = 20}, {}));
    return quantized;
  };
  const Graph kept_floats = calibrated(kFloatBits);
  const Graph kept_codes = calibrated(8);
  std::map<std::string, const Node*> by_name;
  for (const Node& node : kept_floats.nodes()) by_name[node.name] = &node;
  int signs_of_codes = 0;
  for (const Node& node : kept_codes.nodes()) {
    const auto* op = std::get_if<QuantizeOp>(&node.op);
    if (op == nullptr) continue;
    if (op->bits == 1) {
      signs_of_codes +=
          std::holds_alternative<QuantizeOp>(kept_codes.node(node.inputs[0]).op) ? 1 : 0;
      const auto shift = node.Find("shift")->floats();
      const auto expected = by_name.at(node.name)->Find("shift")->floats();
      EXPECT_TRUE(std::equal(shift.begin(), shift.end(), expected.begin(), expected.end()));
    }
    EXPECT_NE(node.Find("scale")->floats()[0], 1.0f) << node.name;
  }
  EXPECT_EQ(signs_of_codes, 1);
}

TEST(CalibrateQuantizers, NamesAValueThatIsNotFinite) {
  const data::Dataset images = Noise(2);
  Graph floats;
  floats.Add("x", InputOp{{1, 3, 8, 7}}, {});
  floats.Add("huge", Convolution3x3(1), {0},
             {{"weight", Tensor::Filled({1, 3, 3, 3}, 3e38f)}, {"bias", Tensor::Filled({1}, 0)}});
  floats.Add("conv", Convolution3x3(1), {1},
             {{"weight", Tensor::Filled({1, 1, 3, 3}, 1)}, {"bias", Tensor::Filled({1}, 0)}});
  const auto refused =
      QuantizeAfterTraining(floats, {.policy = EightBits()}, {.dataset = &images, .count = 2});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("'huge'"));
}

TEST(CorrectBiases, MakesTheMeansThoseOfTheFloatNetwork) {
  const data::Dataset images = Noise(30);
  const Images calibration{.dataset = &images, .count = 30};
  const Graph floats = FoldBatchNorm(FloatNetwork());
  Graph quantized =
      InsertQuantizers(floats, {.weight_bits = 3, .activation_bits = 4, .edges = {4, 4}}).value();
  ASSERT_TRUE(CalibrateQuantizers(quantized, floats, calibration, {}));
  quant::FreezeWeights(quantized);
  const auto means = [&](const Graph& graph) {
    std::vector<NodeId> layers;
    for (NodeId id = 0; id < graph.size(); ++id) {
      if (WeightQuantizerSlot(graph.node(id).op) != nullptr) layers.push_back(id);
    }
    return ChannelMeans(graph, layers, calibration, {}).value();
  };
  const auto largest = [&](const Graph& graph) {
    const auto wanted = means(floats), got = means(graph);
    double difference = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      for (size_t c = 0; c < got[i].size(); ++c) {
        difference = std::max(difference, std::fabs(got[i][c] - wanted[i][c]));
      }
    }
    return difference;
  };
  EXPECT_GT(largest(quantized), 0.01);
  ASSERT_TRUE(CorrectBiases(quantized, floats, calibration));
  ASSERT_TRUE(Verify(quantized));
  EXPECT_LT(largest(quantized), 1e-4);
}

// Runs of every layer from the images, for comparison.
void CorrectBiasesFromTheImages(Graph& quantized, const Graph& floats, const Images& images) {
  std::map<std::string, NodeId> by_name;
  for (NodeId id = 0; id < floats.size(); ++id) by_name[floats.node(id).name] = id;
  for (NodeId id = 0; id < quantized.size(); ++id) {
    Node& layer = quantized.node(id);
    if (WeightQuantizerOf(layer.op) == nullptr) continue;
    const auto got = ChannelMeans(quantized, {id}, images, {}).value()[0];
    const auto wanted = ChannelMeans(floats, {by_name.at(layer.name)}, images, {}).value()[0];
    std::vector<float> bias(got.size());
    for (size_t c = 0; c < got.size(); ++c) {
      const double old = layer.Find("bias") ? layer.Find("bias")->floats()[c] : 0.0f;
      bias[c] = static_cast<float>(old - (got[c] - wanted[c]));
    }
    const auto channels = static_cast<int64_t>(bias.size());
    layer.parameters["bias"] = Tensor({channels}, std::move(bias));
    std::visit(Overloaded{[](ConvolutionOp& op) { op.bias = true; },
                          [](LinearOp& op) { op.bias = true; }, [](auto&) {}},
               layer.op);
  }
}

// FloatNetwork with a chain of layers behind it, a map that stays one up to a layer
// with a constant in its sum, and layers after that.
Graph LongNetwork() {
  RandomGraph g({1, 3, 8, 7}, 9);
  const auto relu = [&](NodeId in) { return g.Activation(in, ActivationKind::kRelu); };
  const NodeId constant =
      g.Add(ConstantOp{{1, 6, 1, 1}}, {}, {{"value", Tensor::Filled({1, 6, 1, 1}, 0.25f)}});
  const NodeId a = relu(g.Convolution(g.input(), Convolution3x3(6)));
  const NodeId b = relu(g.Convolution(a, Convolution3x3(6)));
  const NodeId c = relu(g.Add(AddOp{}, {g.Convolution(b, Convolution3x3(6)), a}));
  const NodeId d = g.Add(AddOp{}, {g.Convolution(c, Convolution3x3(6, 6)), constant});
  const NodeId e = g.Convolution(d, Convolution3x3(5));
  const NodeId features = g.Linear(g.Add(FlattenOp{}, {e}), 12);
  g.Linear(relu(features), 4);
  return g.graph();
}

TEST(CorrectBiases, IsTheSameFromWhereverItGoesOn) {
  const data::Dataset images = Noise(37);
  for (const int bits : {4, 1}) {
    const Graph floats = LongNetwork();
    const QuantizationPolicy policy = {
        .weight_bits = 3, .activation_bits = 4, .layers = {{"n6", 1, bits}, {"n11", 8, bits}}};
    Graph network = InsertQuantizers(floats, policy).value();
    int64_t runs = 0;  // of a batch, and 1 for the beginning
    const Images calibration{
        .dataset = &images, .count = 37, .progress = [&](const Progress&) { ++runs; }};
    ASSERT_TRUE(CalibrateQuantizers(network, floats, calibration, {}));
    quant::FreezeWeights(network);
    Graph expected = network;
    CorrectBiasesFromTheImages(expected, floats, calibration);
    EXPECT_NE(expected, network);
    // All that fits, the smaller maps only, nothing.
    for (const int64_t resume_bytes : {kMostResumeBytes, int64_t{37 * 8 * 7 * 5}, int64_t{0}}) {
      Graph corrected = network;
      runs = 0;
      ASSERT_TRUE(CorrectBiases(corrected, floats, calibration, resume_bytes));
      EXPECT_EQ(corrected, expected) << bits << " bits, " << resume_bytes << " bytes";
      EXPECT_EQ(runs, 1 + 3 * (1 + 7));
    }
  }
}

TEST(QuantizeAfterTraining, TellsHowFarItIs) {
  const data::Dataset images = Noise(20);
  std::vector<std::string> heard;
  const Images calibration{
      .dataset = &images, .count = 99, .progress = [&](const Progress& at) {
        heard.push_back(fmt::format("{} {}/{} {}", at.stage, at.done, at.total, at.unit));
      }};
  ASSERT_TRUE(QuantizeAfterTraining(LongNetwork(), {.policy = EightBits(), .correct_biases = true},
                                    calibration));
  EXPECT_THAT(
      std::vector(heard.begin(), heard.begin() + 6),
      ElementsAre("ranges 0/20 images", "ranges 16/20 images", "ranges 20/20 images",
                  "histograms 0/20 images", "histograms 16/20 images", "histograms 20/20 images"));
  ASSERT_EQ(heard.size(), 6 + (1 + 7) + (1 + 8 * 2));  // 7 layers
  EXPECT_TRUE(heard[6].starts_with("weights 0/")) << heard[6];
  EXPECT_TRUE(heard[7].starts_with("weights 162/")) << heard[7];
  EXPECT_EQ(heard[14], "biases 0/160 images");
  EXPECT_EQ(heard[15], "biases 16/160 images");
  EXPECT_EQ(heard.back(), "biases 160/160 images");
}

TEST(EqualizeLayers, KeepsTheFunction) {
  const data::Dataset images = Noise(5);
  const Graph folded = FoldBatchNorm(FloatNetwork());
  const Graph equal = EqualizeLayers(folded);
  EXPECT_NE(equal, folded);
  EXPECT_LT(LargestDifference(Outputs(equal, images), Outputs(folded, images)), 1e-5);
}

TEST(QuantizeAfterTraining, RefusesImagesThatDoNotFit) {
  data::Dataset images = Noise(2);
  EXPECT_FALSE(QuantizeAfterTraining(FloatNetwork(), {}, {.dataset = &images, .count = 0}));
  images.image_shape = {3, 7, 8};
  const auto refused = QuantizeAfterTraining(FloatNetwork(), {}, {.dataset = &images, .count = 2});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("3x7x8"));
}

}  // namespace
}  // namespace signum::calibration
