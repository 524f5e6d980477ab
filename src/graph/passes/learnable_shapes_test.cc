// What the passes that make networks fit for 1-bit values do to blocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/passes/shortcut_per_convolution.h"
#include "graph/passes/use_prelu.h"

namespace signum {
namespace {

using ::testing::ElementsAre;

NodeId Layer(Graph& g, const std::string& name, NodeId x, int64_t in, int64_t out, int kernel,
             int stride = 1) {
  const Window window{
      .kernel = {kernel, kernel}, .stride = {stride, stride}, .padding = Padding::All(kernel / 2)};
  x = g.Add(name, ConvolutionOp{.output_channels = out, .window = window, .bias = false}, {x},
            {{"weight", Tensor::Filled({out, in, kernel, kernel}, .1f)}});
  return g.Add(name + ".bn", BatchNormOp{}, {x},
               {{"weight", Tensor::Filled({out}, 1)},
                {"bias", Tensor::Filled({out}, 0)},
                {"running_mean", Tensor::Filled({out}, 0)},
                {"running_var", Tensor::Filled({out}, 1)}});
}

std::vector<std::string> InputsOf(const Graph& graph, const std::string& name) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) {
    if (node.name != name) continue;
    for (NodeId input : node.inputs) names.push_back(graph.node(input).name);
  }
  return names;
}

// The convolution on the shortcut comes last, as in a zoo network.
Graph BasicBlock(int stride) {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 4, 8, 8}}, {});
  const NodeId in = g.Add("in", ActivationOp{}, {x});
  NodeId y = Layer(g, "conv1", in, 4, 4, 3, stride);
  y = g.Add("relu1", ActivationOp{}, {y});
  y = Layer(g, "conv2", y, 4, 4, 3);
  const NodeId shortcut = stride == 1 ? in : Layer(g, "down", in, 4, 4, 1, stride);
  y = g.Add("sum", AddOp{}, {y, shortcut});
  g.Add("relu2", ActivationOp{}, {y});
  return g;
}

TEST(ShortcutPerConvolution, EachConvolutionOfABlockGetsOne) {
  const auto graph = ShortcutPerConvolution(BasicBlock(1));
  ASSERT_TRUE(graph) << graph.error().message;
  ASSERT_TRUE(Verify(*graph)) << Verify(*graph).error().message;
  EXPECT_THAT(InputsOf(*graph, "conv1.bn.shortcut"), ElementsAre("conv1.bn", "in"));
  EXPECT_THAT(InputsOf(*graph, "relu1"), ElementsAre("conv1.bn.shortcut"));
  EXPECT_THAT(InputsOf(*graph, "sum"), ElementsAre("conv2.bn", "relu1"));
  EXPECT_EQ(*ShortcutPerConvolution(*graph), *graph);
}

TEST(ShortcutPerConvolution, TheFirstTakesWhatADownsamplingBrings) {
  const auto graph = ShortcutPerConvolution(BasicBlock(2));
  ASSERT_TRUE(graph) << graph.error().message;
  ASSERT_TRUE(Verify(*graph)) << Verify(*graph).error().message;
  EXPECT_THAT(InputsOf(*graph, "conv1.bn.shortcut"), ElementsAre("conv1.bn", "down.bn"));
  EXPECT_THAT(InputsOf(*graph, "sum"), ElementsAre("conv2.bn", "relu1"));
}

TEST(ShortcutPerConvolution, ABlockKeepsItsShortcutWhereShapesDiffer) {
  Graph g;
  const NodeId x = g.Add("x", InputOp{{1, 8, 8, 8}}, {});
  const NodeId in = g.Add("in", ActivationOp{}, {x});
  NodeId y = Layer(g, "conv1", in, 8, 4, 1);
  y = g.Add("relu1", ActivationOp{}, {y});
  y = Layer(g, "conv2", y, 4, 4, 3);
  y = g.Add("relu2", ActivationOp{}, {y});
  y = Layer(g, "conv3", y, 4, 8, 1);
  g.Add("sum", AddOp{}, {y, in});
  const auto graph = ShortcutPerConvolution(g);
  ASSERT_TRUE(graph) << graph.error().message;
  ASSERT_TRUE(Verify(*graph)) << Verify(*graph).error().message;
  EXPECT_THAT(InputsOf(*graph, "conv2.bn.shortcut"), ElementsAre("conv2.bn", "relu1"));
  EXPECT_THAT(InputsOf(*graph, "relu1"), ElementsAre("conv1.bn"));
  EXPECT_THAT(InputsOf(*graph, "sum"), ElementsAre("conv3.bn", "in"));
}

TEST(UsePRelu, PutsOneForEveryReluOfMaps) {
  const auto graph = UsePRelu(BasicBlock(1), .25f);
  ASSERT_TRUE(graph) << graph.error().message;
  ASSERT_TRUE(Verify(*graph)) << Verify(*graph).error().message;
  for (const Node& node : graph->nodes()) {
    EXPECT_FALSE(std::holds_alternative<ActivationOp>(node.op)) << node.name;
    if (!std::holds_alternative<PReluOp>(node.op)) continue;
    EXPECT_THAT(node.Find("weight")->floats(), ElementsAre(.25f, .25f, .25f, .25f));
  }
}

}  // namespace
}  // namespace signum
