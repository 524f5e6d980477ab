#include "graph/passes/shortcut_per_convolution.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

namespace signum {
namespace {

bool IsConvolution(const Node& node) { return std::holds_alternative<ConvolutionOp>(node.op); }

// A convolution of a block: what it reads, and its value after its batch norm, if it has one.
struct Stage {
  NodeId input = 0, value = 0;
};

// The convolutions that lead to `value` one after the other, first one first, back to a value that
// others read too.
std::vector<Stage> StagesBefore(const Graph& graph, NodeId value) {
  std::vector<Stage> stages;
  NodeId last = value;  // what the convolution met next is normalized to
  for (NodeId id = value;;) {
    const Node& node = graph.node(id);
    if (node.inputs.size() != 1 || graph.Readers(id).size() != 1) break;
    if (IsConvolution(node)) {
      const bool normalized = last != id &&
                              std::holds_alternative<BatchNormOp>(graph.node(last).op) &&
                              graph.node(last).inputs[0] == id;
      stages.push_back({node.inputs[0], normalized ? last : id});
    }
    last = id;
    id = node.inputs[0];
  }
  std::reverse(stages.begin(), stages.end());
  return stages;
}

// What is to be added to values, and which sums read another shortcut.
struct Changes {
  std::map<NodeId, NodeId> added;                       // value -> what is added to it
  std::map<NodeId, std::map<NodeId, NodeId>> operands;  // sum -> operand -> what stands for it
};

void PlanBlock(const Graph& graph, const std::vector<Shape>& shapes, NodeId sum, Changes& changes) {
  const std::vector<NodeId>& operands = graph.node(sum).inputs;
  if (operands.size() != 2 || operands[0] == operands[1]) return;
  const std::vector<Stage> sides[] = {StagesBefore(graph, operands[0]),
                                      StagesBefore(graph, operands[1])};
  const int main = sides[0].size() >= sides[1].size() ? 0 : 1;
  const std::vector<Stage>& stages = sides[main];
  const NodeId shortcut = operands[1 - main];
  if (stages.size() < 2 || stages.back().value != operands[main]) return;
  bool all = true;
  for (size_t i = 0; i + 1 < stages.size(); ++i) {
    const NodeId brought = i == 0 ? shortcut : stages[i].input;
    if (shapes[brought] == shapes[stages[i].value]) {
      changes.added[stages[i].value] = brought;
    } else {
      all = false;
    }
  }
  if (all && shapes[stages.back().input] == shapes[sum]) {
    changes.operands[sum][shortcut] = stages.back().input;
  }
}

}  // namespace

Result<Graph> ShortcutPerConvolution(const Graph& graph) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  Changes changes;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (std::holds_alternative<AddOp>(graph.node(id).op)) PlanBlock(graph, shapes, id, changes);
  }
  Graph out = graph.EmptyLike();
  // A shortcut may come later in the graph than the first convolution, which now waits for it.
  std::vector<std::optional<NodeId>> moved(graph.size());
  const std::function<NodeId(NodeId)> emit = [&](NodeId id) -> NodeId {
    if (moved[id]) return *moved[id];
    const Node& node = graph.node(id);
    std::vector<NodeId> inputs;
    for (NodeId input : node.inputs) {
      const auto other = changes.operands.find(id);
      const bool replaced = other != changes.operands.end() && other->second.contains(input);
      inputs.push_back(emit(replaced ? other->second.at(input) : input));
    }
    NodeId value = out.Add(node.name, node.op, std::move(inputs), node.parameters);
    if (const auto added = changes.added.find(id); added != changes.added.end()) {
      const NodeId brought = emit(added->second);
      value = out.Add(node.name + ".shortcut", AddOp{}, {value, brought});
    }
    moved[id] = value;
    return value;
  };
  for (NodeId id = 0; id < graph.size(); ++id) emit(id);
  return out;
}

}  // namespace signum
