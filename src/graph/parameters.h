// What a node's parameters stand for, as numbers: quantized weights as floats,
// a batch norm as one multiply-add per channel.
#ifndef SIGNUM_GRAPH_PARAMETERS_H_
#define SIGNUM_GRAPH_PARAMETERS_H_

#include <vector>

#include "graph/graph.h"

namespace signum {

// The weight of a verified convolution or linear node as floats; codes are
// multiplied by their scales.
Tensor FloatWeight(const Node& node);

// y = factor_c x + term_c.
struct ChannelAffine {
  std::vector<double> factor, term;
};

// What a verified batch norm computes in inference.
ChannelAffine BatchNormAffine(const Node& norm);

}  // namespace signum

#endif  // SIGNUM_GRAPH_PARAMETERS_H_
