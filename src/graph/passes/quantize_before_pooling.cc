#include "graph/passes/quantize_before_pooling.h"

#include <utility>

namespace signum {
namespace {

// Whether node `id` is a Quantize and the only reader of a max pool.
bool QuantizesPooling(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!std::holds_alternative<QuantizeOp>(node.op)) return false;
  const NodeId pool = node.inputs[0];
  return std::holds_alternative<MaxPoolOp>(graph.node(pool).op) && graph.Readers(pool).size() == 1;
}

}  // namespace

bool HasQuantizedPooling(const Graph& graph) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (QuantizesPooling(graph, id)) return true;
  }
  return false;
}

void QuantizeBeforePooling(Graph& graph) {
  // From the end, so that a quantizer passes several pools in a row.
  for (NodeId id = graph.output(); id > 0; --id) {
    if (!QuantizesPooling(graph, id)) continue;
    const NodeId pool = graph.node(id).inputs[0];
    std::swap(graph.node(pool), graph.node(id));
    std::swap(graph.node(pool).inputs, graph.node(id).inputs);
  }
}

}  // namespace signum
