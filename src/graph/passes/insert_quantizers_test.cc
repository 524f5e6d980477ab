#include "graph/passes/insert_quantizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace signum {
namespace {

using ::testing::ElementsAre;

ConvolutionOp Convolution3x3() {
  return {.output_channels = 4,
          .window = {.kernel = {3, 3}, .padding = Padding::All(1)},
          .bias = false};
}

std::map<std::string, Tensor> Weight() { return {{"weight", Tensor::Filled({4, 4, 3, 3}, 0.25f)}}; }

// input -> conv1 -> relu1 -> conv2 -> sum with relu1 -> relu2 -> pool -> flatten
// -> linear, as a residual network has it.
Graph ResidualGraph() {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 4, 8, 8}}, {});
  const NodeId normalized = g.Add("normalize", NormalizeOp{{0, 0, 0, 0}, {1, 1, 1, 1}}, {x});
  const NodeId conv1 = g.Add("conv1", Convolution3x3(), {normalized}, Weight());
  const NodeId relu1 = g.Add("relu1", ActivationOp{}, {conv1});
  const NodeId conv2 = g.Add("conv2", Convolution3x3(), {relu1}, Weight());
  const NodeId sum = g.Add("sum", AddOp{}, {conv2, relu1});
  const NodeId relu2 = g.Add("relu2", ActivationOp{}, {sum});
  const NodeId pool = g.Add("pool", MaxPoolOp{{.kernel = {8, 8}, .stride = {8, 8}}}, {relu2});
  const NodeId flat = g.Add("flat", FlattenOp{}, {pool});
  g.Add("linear", LinearOp{.output_features = 3}, {flat},
        {{"weight", Tensor::Filled({3, 4}, 1)}, {"bias", Tensor::Filled({3}, 0)}});
  return g;
}

std::vector<std::string> Names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) names.push_back(node.name);
  return names;
}

const Node& Named(const Graph& graph, const std::string& name) {
  for (const Node& node : graph.nodes()) {
    if (node.name == name) return node;
  }
  ADD_FAILURE() << "no node " << name;
  return graph.node(0);
}

TEST(InsertQuantizers, SharesOneQuantizerPerValueAndMovesItUp) {
  const auto graph = InsertQuantizers(ResidualGraph(), {});
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Verify(*graph)) << Verify(*graph).error().message;
  EXPECT_THAT(Names(*graph), ElementsAre("x", "normalize", "normalize.quantize", "conv1", "relu1",
                                         "relu1.quantize", "conv2", "sum", "relu2",
                                         "relu2.quantize", "pool", "flat", "linear"));
  const auto quantizer = [&](const char* name) {
    return std::get<QuantizeOp>(Named(*graph, name).op);
  };
  EXPECT_EQ(quantizer("normalize.quantize"), (QuantizeOp{8, 128}));
  EXPECT_EQ(quantizer("relu1.quantize"), (QuantizeOp{8, 0}));
  // The shortcut reads the codes, as the convolution does.
  EXPECT_EQ(Named(*graph, "sum").inputs[1], Named(*graph, "conv2").inputs[0]);
  EXPECT_EQ((*WeightQuantizerSlot(Named(*graph, "conv1").op))->bits, 8);
  EXPECT_EQ((*WeightQuantizerSlot(Named(*graph, "conv2").op))->bits, 1);
  EXPECT_EQ((*WeightQuantizerSlot(Named(*graph, "linear").op))->bits, 8);
}

TEST(InsertQuantizers, OneBitValuesKeepAFloatShortcut) {
  const auto graph = InsertQuantizers(ResidualGraph(), {.activation_bits = 1});
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Verify(*graph)) << Verify(*graph).error().message;
  const Node& sum = Named(*graph, "sum");
  EXPECT_EQ(graph->node(sum.inputs[1]).name, "relu1");
  EXPECT_EQ(graph->node(Named(*graph, "conv2").inputs[0]).name, "relu1.quantize");
  EXPECT_NE(Named(*graph, "relu1.quantize").Find("shift"), nullptr);
}

TEST(InsertQuantizers, OneBitValuesMayHaveAShortcutOfCodes) {
  const auto graph = InsertQuantizers(ResidualGraph(), {.activation_bits = 1, .residual_bits = 8});
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Verify(*graph)) << Verify(*graph).error().message;
  EXPECT_EQ(graph->node(Named(*graph, "sum").inputs[1]).name, "relu1.residual");
  EXPECT_EQ(std::get<QuantizeOp>(Named(*graph, "relu1.residual").op), (QuantizeOp{8, 0}));
  EXPECT_EQ(graph->node(Named(*graph, "conv2").inputs[0]).name, "relu1.quantize");
  EXPECT_EQ(graph->node(Named(*graph, "relu1.quantize").inputs[0]).name, "relu1.residual");
  for (int bits : {1, 9}) {
    EXPECT_FALSE(InsertQuantizers(ResidualGraph(), {.activation_bits = 1, .residual_bits = bits}));
  }
}

TEST(InsertQuantizers, OfASumOfTwoLayersTheFirstMayBeKeptAsCodes) {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 4, 8, 8}}, {});
  const NodeId conv1 = g.Add("conv1", Convolution3x3(), {x}, Weight());
  const NodeId conv2 = g.Add("conv2", Convolution3x3(), {x}, Weight());
  g.Add("sum", AddOp{}, {conv2, conv1});
  const auto graph = InsertQuantizers(g, {.activation_bits = 1, .residual_bits = 4});
  ASSERT_TRUE(graph);
  const Node& sum = Named(*graph, "sum");
  EXPECT_EQ(graph->node(sum.inputs[0]).name, "conv2");
  EXPECT_EQ(graph->node(sum.inputs[1]).name, "conv1.residual");
  EXPECT_EQ(std::get<QuantizeOp>(Named(*graph, "conv1.residual").op), (QuantizeOp{4, 8}));
}

TEST(InsertQuantizers, WhatIsNoShortcutIsNotKeptAsCodes) {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 4, 8, 8}}, {});
  const NodeId conv1 = g.Add("conv1", Convolution3x3(), {x}, Weight());
  const NodeId offset =
      g.Add("offset", ConstantOp{{1, 4, 8, 8}}, {}, {{"value", Tensor::Filled({1, 4, 8, 8}, 2)}});
  const NodeId shifted = g.Add("shifted", AddOp{}, {conv1, offset});
  const NodeId doubled = g.Add("doubled", AddOp{}, {shifted, shifted});
  const NodeId dropped = g.Add("dropped", DropoutOp{}, {doubled});
  const NodeId conv2 = g.Add("conv2", Convolution3x3(), {dropped}, Weight());
  const NodeId sum = g.Add("sum", AddOp{}, {conv2, dropped});
  g.Add("conv3", Convolution3x3(), {sum}, Weight());
  // "doubled" or "dropped" has codes of its own, for conv2.
  const auto graph = InsertQuantizers(g, {.activation_bits = 6, .residual_bits = 8});
  ASSERT_TRUE(graph) << graph.error().message;
  ASSERT_TRUE(Verify(*graph)) << Verify(*graph).error().message;
  for (const Node& node : graph->nodes()) {
    EXPECT_EQ(node.name.find(".residual"), std::string::npos) << node.name;
  }
}

TEST(InsertQuantizers, AFloatLayerBesideAShortcutReadsFloats) {
  Graph g = ResidualGraph();
  const NodeId relu1 = 3;
  ASSERT_EQ(g.node(relu1).name, "relu1");
  const NodeId beside = g.Add("beside", Convolution3x3(), {relu1}, Weight());
  g.Add("end", ConcatOp{1}, {beside, beside});
  const auto graph = InsertQuantizers(
      g,
      {.activation_bits = 1, .residual_bits = 8, .layers = {{"beside", kFloatBits, kFloatBits}}});
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->node(Named(*graph, "beside").inputs[0]).name, "relu1");
  EXPECT_EQ(graph->node(Named(*graph, "sum").inputs[1]).name, "relu1.residual");
}

TEST(InsertQuantizers, EdgesCanStayFloat) {
  const auto graph = InsertQuantizers(ResidualGraph(), {.edges = {kFloatBits, kFloatBits}});
  ASSERT_TRUE(graph);
  ASSERT_TRUE(Verify(*graph));
  EXPECT_FALSE(*WeightQuantizerSlot(Named(*graph, "conv1").op));
  EXPECT_FALSE(*WeightQuantizerSlot(Named(*graph, "linear").op));
  EXPECT_EQ(Named(*graph, "relu1.quantize").inputs.size(), 1u);
}

TEST(InsertQuantizers, StripGivesTheFloatGraphBack) {
  const auto graph = InsertQuantizers(ResidualGraph(), {});
  ASSERT_TRUE(graph);
  EXPECT_EQ(StripQuantizers(*graph), ResidualGraph());
  // And quantizing twice is quantizing once.
  EXPECT_EQ(*InsertQuantizers(*graph, {}), *graph);
}

TEST(InsertQuantizers, SignsStandBeforeDropoutAndBehindPooling) {
  Graph g;
  NodeId x = g.Add("x", InputOp{{1, 4, 4, 4}}, {});
  x = g.Add("relu", ActivationOp{ActivationKind::kRelu}, {x});
  x = g.Add("pool", MaxPoolOp{{.kernel = {2, 2}, .stride = {2, 2}}}, {x});
  x = g.Add("dropout", DropoutOp{0.5f}, {x});
  x = g.Add("flatten", FlattenOp{}, {x});
  g.Add("linear", LinearOp{.output_features = 3, .bias = false}, {x},
        {{"weight", Tensor::Filled({3, 16}, 1.0f)}});
  const auto read = [&](int bits) {
    const Graph out = *InsertQuantizers(g, {.edges = {1, bits}});
    EXPECT_TRUE(Verify(out)) << Verify(out).error().message;
    std::string names;  // back from the layer
    for (NodeId id = out.output(); !out.node(id).inputs.empty(); id = out.node(id).inputs[0]) {
      names = out.node(id).name + " " + names;
    }
    return names;
  };
  EXPECT_EQ(read(1), "relu pool pool.quantize dropout flatten linear ");
  EXPECT_EQ(read(2), "relu relu.quantize pool dropout flatten linear ");
}

TEST(InsertQuantizers, ScalesGoOnWhereBitsAreTheSame) {
  Graph learned = *InsertQuantizers(ResidualGraph(), {.activation_bits = 1});
  for (NodeId id = 0; id < learned.size(); ++id) {
    Node& node = learned.node(id);
    if (!std::holds_alternative<QuantizeOp>(node.op)) continue;
    EXPECT_TRUE(NeedsScale(node)) << node.name;
    for (auto& [role, tensor] : node.parameters) {
      for (float& value : tensor.floats()) value = 0.25f;
    }
  }
  // Weights of other bits; one value, too.
  Graph next =
      *InsertQuantizers(StripQuantizers(learned),
                        {.weight_bits = 2, .activation_bits = 1, .layers = {{"conv2", 2, 4}}});
  TakeScales(learned, next);
  ASSERT_TRUE(Verify(next)) << Verify(next).error().message;
  int taken = 0, left = 0;
  for (const Node& node : next.nodes()) {
    const auto* op = std::get_if<QuantizeOp>(&node.op);
    if (op == nullptr) continue;
    EXPECT_EQ(NeedsScale(node), op->bits == 4) << node.name;
    ++(NeedsScale(node) ? left : taken);
    if (const Tensor* shift = node.Find("shift")) {
      EXPECT_EQ(shift->floats()[0], 0.25f) << node.name;
    }
  }
  EXPECT_GT(taken, 1);
  EXPECT_EQ(left, 1);
}

TEST(InsertQuantizers, LayersMayHaveTheirOwnPrecision) {
  const auto bits = [](const Graph& graph, const char* layer) {
    const WeightQuantizer* quantizer = WeightQuantizerOf(Named(graph, layer).op);
    return quantizer == nullptr ? kFloatBits : quantizer->bits;
  };
  const auto graph = InsertQuantizers(
      ResidualGraph(),
      {.weight_bits = 4,
       .layers = {{"conv*", 1, 3}, {"con?2", 2, 8}, {"linear", kFloatBits, kFloatBits}}});
  ASSERT_TRUE(graph) << graph.error().message;
  ASSERT_TRUE(Verify(*graph)) << Verify(*graph).error().message;
  EXPECT_EQ(bits(*graph, "conv1"), 1);  // the edges' 8 bits are a rule like any other
  EXPECT_EQ(bits(*graph, "conv2"), 2);
  EXPECT_EQ(bits(*graph, "linear"), kFloatBits);
  EXPECT_EQ(std::get<QuantizeOp>(Named(*graph, "normalize.quantize").op), (QuantizeOp{3, 4}));
  EXPECT_EQ(std::get<QuantizeOp>(Named(*graph, "relu1.quantize").op), (QuantizeOp{8, 0}));
  EXPECT_EQ(graph->node(Named(*graph, "pool").inputs[0]).name, "relu2");
  // Quantized weights on float values.
  const auto floats = InsertQuantizers(ResidualGraph(), {.layers = {{"conv2", 8, kFloatBits}}});
  ASSERT_TRUE(floats);
  EXPECT_EQ(bits(*floats, "conv2"), 8);
  EXPECT_EQ(floats->node(Named(*floats, "conv2").inputs[0]).name, "relu1");
}

TEST(InsertQuantizers, DownsamplingLayersMayHaveTheirOwnPrecision) {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 4, 8, 8}}, {});
  const NodeId conv1 = g.Add("conv1", Convolution3x3(), {x}, Weight());
  const NodeId pooled =
      g.Add("pooled", AveragePoolOp{{.kernel = {2, 2}, .stride = {2, 2}}}, {conv1});
  ConvolutionOp strided = Convolution3x3();
  strided.window.stride = {2, 2};
  const NodeId conv2 = g.Add("conv2", strided, {conv1}, Weight());
  ConvolutionOp small = Convolution3x3();
  small.window = {};
  // A 1x1 convolution on the way through the block is none on a shortcut.
  const auto weight = [] {
    return std::map<std::string, Tensor>{{"weight", Tensor::Filled({4, 4, 1, 1}, .5f)}};
  };
  const NodeId conv3 = g.Add("conv3", small, {conv2}, weight());
  const NodeId shortcut = g.Add("shortcut", small, {pooled}, weight());
  const NodeId sum = g.Add("sum", AddOp{}, {conv3, shortcut});
  g.Add("conv4", Convolution3x3(), {sum}, Weight());
  ASSERT_TRUE(Verify(g)) << Verify(g).error().message;
  const auto graph = InsertQuantizers(g, {.downsample = LayerBits{4, 8}});
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(WeightQuantizerOf(Named(*graph, "shortcut").op)->bits, 4);
  EXPECT_EQ(WeightQuantizerOf(Named(*graph, "conv3").op)->bits, 1);
  EXPECT_EQ(WeightQuantizerOf(Named(*graph, "conv4").op)->bits, 8);
  // Nor is one beside a shortcut that is nothing but its input.
  Graph around;
  const NodeId in = around.Add("x", InputOp{{1, 4, 8, 8}}, {});
  const NodeId first = around.Add("first", Convolution3x3(), {in}, Weight());
  const NodeId inside = around.Add("inside", small, {first}, weight());
  const NodeId both = around.Add("both", AddOp{}, {inside, first});
  around.Add("last", Convolution3x3(), {both}, Weight());
  const auto plain = InsertQuantizers(around, {.downsample = LayerBits{4, 8}});
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(WeightQuantizerOf(Named(*plain, "inside").op)->bits, 1);
}

// input -> conv1 -> relu, which a 3x3 and a 1x1 convolution read, whose sum is a shortcut's.
TEST(InsertQuantizers, OneBitLayersReadTheSignOfCodesThatOthersRead) {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 4, 8, 8}}, {});
  const NodeId relu =
      g.Add("relu", ActivationOp{}, {g.Add("first", Convolution3x3(), {x}, Weight())});
  const NodeId main = g.Add("main", Convolution3x3(), {relu}, Weight());
  const NodeId down = g.Add("down", ConvolutionOp{.output_channels = 4, .bias = false}, {relu},
                            {{"weight", Tensor::Filled({4, 4, 1, 1}, 1)}});
  g.Add("last", Convolution3x3(), {g.Add("sum", AddOp{}, {main, down})}, Weight());
  const auto quantized =
      InsertQuantizers(g, {.weight_bits = 1, .activation_bits = 1, .downsample = LayerBits{8, 8}});
  ASSERT_TRUE(quantized) << quantized.error().message;
  ASSERT_TRUE(Verify(*quantized)) << Verify(*quantized).error().message;
  const auto read_by = [&](const std::string& name) -> const Node& {
    const auto found = std::find_if(quantized->nodes().begin(), quantized->nodes().end(),
                                    [&](const Node& node) { return node.name == name; });
    return quantized->node(found->inputs[0]);
  };
  EXPECT_EQ(read_by("main").name, "relu.sign");
  EXPECT_EQ(std::get<QuantizeOp>(read_by("main").op).bits, 1);
  EXPECT_EQ(read_by("relu.sign").name, "relu.quantize");
  EXPECT_EQ(read_by("down").name, "relu.quantize");
  EXPECT_EQ(std::get<QuantizeOp>(read_by("down").op).bits, 8);
  EXPECT_EQ(StripQuantizers(*quantized), g);
}

TEST(InsertQuantizers, LayersMayHaveScalesOfTheirOwn) {
  const auto graph = InsertQuantizers(
      ResidualGraph(),
      {.per_channel = false, .scales = {{"conv*", true}, {"conv2", false}, {"linear", true}}});
  ASSERT_TRUE(graph) << graph.error().message;
  const auto per_channel = [&](const char* layer) {
    return WeightQuantizerOf(Named(*graph, layer).op)->per_channel;
  };
  EXPECT_TRUE(per_channel("conv1"));
  EXPECT_FALSE(per_channel("conv2"));
  EXPECT_TRUE(per_channel("linear"));
  const auto refused = [](const QuantizationPolicy& policy) {
    const auto result = InsertQuantizers(ResidualGraph(), policy);
    return result ? "" : result.error().message;
  };
  EXPECT_THAT(refused({.scales = {{"conv3", false}}}), testing::HasSubstr("did you mean 'conv"));
  EXPECT_THAT(refused({.scales = {{"conv2", true}}}), testing::HasSubstr("per channel anyway"));
  EXPECT_THAT(refused({.scales = {{"conv2", false}, {"conv*", false}, {"conv2", false}}}),
              testing::HasSubstr("one weight scale anyway"));
  EXPECT_THAT(refused({.weight_bits = kFloatBits, .scales = {{"conv2", false}}}),
              testing::HasSubstr("float weights"));
}

TEST(InsertQuantizers, FloatWeightsMayReadCodes) {
  const auto graph =
      InsertQuantizers(ResidualGraph(), {.weight_bits = kFloatBits, .activation_bits = 1});
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(WeightQuantizerOf(Named(*graph, "conv2").op), nullptr);
  EXPECT_EQ(graph->node(Named(*graph, "conv2").inputs[0]).name, "relu1.quantize");
}

TEST(InsertQuantizers, NamesAPatternThatFitsNoLayer) {
  const auto refused = InsertQuantizers(ResidualGraph(), {.layers = {{"conv3", 8, 8}}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("did you mean 'conv1'?"));
  EXPECT_FALSE(InsertQuantizers(ResidualGraph(), {.layers = {{"relu1", 8, 8}}}));
  EXPECT_TRUE(InsertQuantizers(ResidualGraph(), {.layers = {{"*o*v*1", 8, 8}}}));
  EXPECT_FALSE(InsertQuantizers(ResidualGraph(), {.layers = {{"conv1", 9, 8}}}));
}

TEST(InsertQuantizers, RefusesBitsOutOfRange) {
  EXPECT_FALSE(InsertQuantizers(ResidualGraph(), {.weight_bits = 0}));
  EXPECT_FALSE(InsertQuantizers(ResidualGraph(), {.activation_bits = 9}));
  EXPECT_FALSE(InsertQuantizers(ResidualGraph(), {.edges = {0, 8}}));
}

}  // namespace
}  // namespace signum
