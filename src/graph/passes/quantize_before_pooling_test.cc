#include "graph/passes/quantize_before_pooling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace signum {
namespace {

using testing::ElementsAre;

std::vector<std::string> NamesOf(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes()) names.push_back(node.name);
  return names;
}

QuantizeOp EightBits() { return {.bits = 8, .zero_point = 3}; }

TEST(QuantizeBeforePooling, PassesEveryPoolInARow) {
  Graph graph;
  const MaxPoolOp half{Window{{2, 2}, {2, 2}, {1, 1}, {}}};
  NodeId x = graph.Add("input", InputOp{Shape{1, 3, 8, 8}}, {});
  x = graph.Add("first", half, {x});
  x = graph.Add("second", half, {x});
  x = graph.Add("codes", EightBits(), {x}, {{"scale", Tensor(Shape{1}, std::vector<float>{0.5f})}});
  graph.Add("flat", FlattenOp{}, {x});
  ASSERT_TRUE(HasQuantizedPooling(graph));
  QuantizeBeforePooling(graph);
  EXPECT_FALSE(HasQuantizedPooling(graph));
  EXPECT_THAT(NamesOf(graph), ElementsAre("input", "codes", "first", "second", "flat"));
  for (NodeId id = 1; id < graph.size(); ++id) {
    EXPECT_THAT(graph.node(id).inputs, ElementsAre(id - 1));
  }
  EXPECT_TRUE(Verify(graph).has_value());
}

TEST(QuantizeBeforePooling, LeavesPoolsThatOthersRead) {
  Graph graph;
  const NodeId input = graph.Add("input", InputOp{Shape{1, 3, 8, 8}}, {});
  const NodeId pool = graph.Add("pool", MaxPoolOp{Window{{2, 2}, {2, 2}, {1, 1}, {}}}, {input});
  const NodeId codes = graph.Add("codes", EightBits(), {pool},
                                 {{"scale", Tensor(Shape{1}, std::vector<float>{0.5f})}});
  graph.Add("sum", AddOp{}, {pool, codes});
  EXPECT_FALSE(HasQuantizedPooling(graph));
}

}  // namespace
}  // namespace signum
