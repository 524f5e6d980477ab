// Chains: which nodes of a graph run as one step. A chain is a weighted node or
// a stage (batch norm, sum, clamp or PReLU, quantizer) and what can follow in the same
// pass: batch norm, residual sum, clamp or PReLU, quantizer, in this order, each where the
// value before it has no other reader. Knows the graph only.
#ifndef SIGNUM_RUNTIME_CHAINS_H_
#define SIGNUM_RUNTIME_CHAINS_H_

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace signum::runtime {

struct Chain {
  NodeId head = 0;
  std::vector<NodeId> nodes;  // in order, the head first
  // The step runs where this node stands: all that it reads is there by then.
  NodeId position = 0;
  // The sum's other operand, where the chain has a residual sum.
  std::optional<NodeId> residual;
  // The node whose value is stored as floats, and the quantizer whose codes are.
  // Both are there where the quantizer is not the only reader.
  std::optional<NodeId> float_node, codes_node;
  // A 1-bit quantizer that reads the codes of codes_node.
  std::optional<NodeId> signs_node;
};

// Every chain of the graph; no node is in two. The input node's chain holds the
// normalization and the quantizer that follow it. A chain ends at a node that is
// `kept`, by id, so that its value is stored; empty keeps none.
std::vector<Chain> FindChains(const Graph& graph, const std::vector<Shape>& shapes,
                              const std::vector<bool>& kept = {});

// Whether axis 1 of a value is stored last, so that a stage can take it per channel.
inline bool ChannelsLast(const Shape& shape) { return shape.rank() == 2 || shape.rank() == 4; }

// ReLU, ReLU6 and hard tanh.
bool IsClamp(const Op& op);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_CHAINS_H_
