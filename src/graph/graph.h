// Graph: a network as data, and the one definition of it. Every stage of Signum
// reads a Graph and most write one. It holds weights and quantization
// annotations; it knows no kernel, no trainer and no file format.
#ifndef SIGNUM_GRAPH_GRAPH_H_
#define SIGNUM_GRAPH_GRAPH_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "graph/ops.h"
#include "graph/tensor.h"
#include "signum/result.h"

namespace signum {

// Index of a node, and of the one value that it produces.
using NodeId = int32_t;

struct Node {
  std::string name;  // unique in the graph, as "layer1.0.conv1"
  Op op;
  std::vector<NodeId> inputs;                // every id is below the node's own
  std::map<std::string, Tensor> parameters;  // by role: "weight", "running_mean", ...

  const Tensor* Find(const std::string& role) const {
    const auto it = parameters.find(role);
    return it == parameters.end() ? nullptr : &it->second;
  }
  bool operator==(const Node&) const = default;
};

// Nodes in an order in which every node comes after its inputs: a Graph cannot
// hold a cycle. Node 0 is the input; the last node's value is the output.
class Graph {
 public:
  // Appends a node and returns its id. Its inputs must be in the graph; names
  // and shapes are for Verify to judge.
  NodeId Add(std::string name, Op op, std::vector<NodeId> inputs,
             std::map<std::string, Tensor> parameters = {});

  int32_t size() const { return static_cast<int32_t>(nodes_.size()); }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& node(NodeId id) const { return nodes_[id]; }
  Node& node(NodeId id) { return nodes_[id]; }
  NodeId output() const { return size() - 1; }

  // The shape of the input at batch size 1. The graph must have its input node.
  const Shape& input_shape() const { return std::get<InputOp>(nodes_[0].op).shape; }

  // A graph without nodes, of the same name, class_names and metadata.
  Graph EmptyLike() const;

  // Ids of the nodes that read `id`'s value, in order.
  std::vector<NodeId> Readers(NodeId id) const;

  // For people: what the network is called and its classes, in output order
  // (empty where unknown).
  std::string name;
  std::vector<std::string> class_names;
  // Free-form facts about where the weights came from ("data": "cifar10", ...).
  std::map<std::string, std::string> metadata;

  bool operator==(const Graph&) const = default;

 private:
  std::vector<Node> nodes_;
};

// The shape of one node's value from those of its inputs, for the given batch
// size. Every value has at least its batch axis. An error names the node, its
// operator and what does not fit.
Result<Shape> InferShape(const Node& node, std::span<const Shape> inputs, int64_t batch = 1);

// The shape of every node's value for the given batch size, by node id. An
// error names the node, its operator and what does not fit.
Result<std::vector<Shape>> InferShapes(const Graph& graph, int64_t batch = 1);

// Whether the graph is well formed: one input and it comes first, unique names,
// shapes that fit, the parameters each operator needs with the right shapes,
// bits and zero-points in range, finite weights, scales above zero. Whoever
// makes a Graph from the outside world calls this once; its readers trust it.
// Float parameters may be shapes alone (Tensor::ShapeOnly): such a graph can be
// looked at and have its cost told, but not run, trained or written.
Status Verify(const Graph& graph);

// By node id, whether a value can never be below zero, so that its quantizer
// needs no sign: ReLU, ReLU6 and sigmoid outputs, and what pools, sums and joins
// such values.
std::vector<bool> NeverNegative(const Graph& graph);

}  // namespace signum

#endif  // SIGNUM_GRAPH_GRAPH_H_
