#include "graph/passes/use_prelu.h"

namespace signum {

Result<Graph> UsePRelu(const Graph& graph, float slope) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  Graph out = graph;
  for (NodeId id = 0; id < out.size(); ++id) {
    Node& node = out.node(id);
    const auto* activation = std::get_if<ActivationOp>(&node.op);
    if (activation == nullptr || activation->kind != ActivationKind::kRelu) continue;
    if (shapes[id].rank() != 4) continue;
    node.op = PReluOp{};
    node.parameters["weight"] = Tensor::Filled({shapes[id][1]}, slope);
  }
  return out;
}

}  // namespace signum
