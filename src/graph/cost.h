// What a node costs: parameters, multiply-accumulates, stored bytes.
#ifndef SIGNUM_GRAPH_COST_H_
#define SIGNUM_GRAPH_COST_H_

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace signum {

struct NodeCost {
  int64_t parameters = 0;        // learned ones: weights, biases, gamma, beta, slopes
  int64_t buffers = 0;           // running means and variances
  int64_t macs = 0;              // convolution and linear, biases not counted
  int weight_bits = 0;           // 0 where the node has no weight
  int value_bits = 32;           // of the node's output
  int64_t weight_bytes = 0;      // as stored: packed codes, scales, biases, statistics
  int64_t activation_bytes = 0;  // of the output, bits rounded up to whole bytes
};

// The cost of every node, by id, for one image. The graph must verify.
std::vector<NodeCost> Costs(const Graph& graph);
NodeCost TotalCost(const std::vector<NodeCost>& costs);

}  // namespace signum

#endif  // SIGNUM_GRAPH_COST_H_
