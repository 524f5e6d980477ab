#include "graph/graph.h"

#include <algorithm>

#include "base/check.h"

namespace signum {

NodeId Graph::Add(std::string name, Op op, std::vector<NodeId> inputs,
                  std::map<std::string, Tensor> parameters) {
  for (NodeId input : inputs) SIGNUM_CHECK(input >= 0 && input < size());
  nodes_.push_back({std::move(name), std::move(op), std::move(inputs), std::move(parameters)});
  return size() - 1;
}

Graph Graph::EmptyLike() const {
  Graph graph;
  graph.name = name;
  graph.class_names = class_names;
  graph.metadata = metadata;
  return graph;
}

std::vector<NodeId> Graph::Readers(NodeId id) const {
  std::vector<NodeId> readers;
  for (NodeId reader = id + 1; reader < size(); ++reader) {
    const auto& inputs = nodes_[reader].inputs;
    if (std::find(inputs.begin(), inputs.end(), id) != inputs.end()) readers.push_back(reader);
  }
  return readers;
}

namespace {

bool IsNeverNegative(const Op& op, bool inputs_are) {
  return std::visit(Overloaded{
                        [](const InputOp&) { return true; },
                        [](const ActivationOp& o) {
                          return o.kind == ActivationKind::kRelu ||
                                 o.kind == ActivationKind::kRelu6 ||
                                 o.kind == ActivationKind::kSigmoid;
                        },
                        [](const SoftmaxOp&) { return true; },
                        [](const QuantizeOp& o) { return o.bits > 1 && o.zero_point == 0; },
                        [&](const PadOp& o) { return o.value >= 0 && inputs_are; },
                        [](const NormalizeOp&) { return false; },
                        [](const ConvolutionOp&) { return false; },
                        [](const LinearOp&) { return false; },
                        [](const BatchNormOp&) { return false; },
                        [](const PReluOp&) { return false; },
                        // Pools, sums, products, joins and moves keep the sign of their inputs.
                        [&](const MaxPoolOp&) { return inputs_are; },
                        [&](const AveragePoolOp&) { return inputs_are; },
                        [&](const GlobalAveragePoolOp&) { return inputs_are; },
                        [&](const AddOp&) { return inputs_are; },
                        [&](const MultiplyOp&) { return inputs_are; },
                        [&](const ConcatOp&) { return inputs_are; },
                        [&](const FlattenOp&) { return inputs_are; },
                        [&](const ReshapeOp&) { return inputs_are; },
                        [&](const UpsampleOp&) { return inputs_are; },
                        [&](const DropoutOp&) { return inputs_are; },
                        [&](const DivideOp&) { return inputs_are; },
                        [&](const MatMulOp&) { return inputs_are; },
                        [&](const ReduceMeanOp&) { return inputs_are; },
                        [&](const TransposeOp&) { return inputs_are; },
                        [&](const ClampOp& o) { return o.high >= 0 && (o.low >= 0 || inputs_are); },
                        [](const ConstantOp&) { return false; },
                        [](const ConvTransposeOp&) { return false; },
                        [](const SubtractOp&) { return false; },
                    },
                    op);
}

}  // namespace

std::vector<bool> NeverNegative(const Graph& graph) {
  std::vector<bool> never(graph.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const bool inputs_are = std::all_of(node.inputs.begin(), node.inputs.end(),
                                        [&](NodeId input) { return never[input]; });
    never[id] = IsNeverNegative(node.op, inputs_are);
  }
  return never;
}

}  // namespace signum
