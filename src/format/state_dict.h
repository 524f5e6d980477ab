// Puts the tensors of another framework's file into a Graph of the same network:
// which key belongs to which parameter, and what is missing, left over or of
// another shape. A parameter's own key is its node's name, a dot and its role, as
// in a state_dict of PyTorch.
#ifndef SIGNUM_FORMAT_STATE_DICT_H_
#define SIGNUM_FORMAT_STATE_DICT_H_

#include <string>
#include <vector>

#include "format/tensor_file.h"
#include "graph/graph.h"
#include "signum/result.h"

namespace signum {

// A parameter of the graph and the tensor that is meant for it.
struct ParameterMatch {
  NodeId node = 0;
  std::string role;
  const StoredTensor* tensor = nullptr;  // in the file; null where it has none
};

struct StateDictMatch {
  std::vector<ParameterMatch> parameters;  // every one of the graph's, in its order
  std::vector<std::string> unexpected;     // keys that belong to none
};

// "layer1.0.conv1.weight".
std::string ParameterKey(const Node& node, const std::string& role);

// Finds each parameter's tensor by its own key or, where the file has none, by the
// names that other ports of the same networks use: "fc" for "linear" and
// "downsample" for "shortcut", and the other way round. Counters of training steps
// (num_batches_tracked) belong to nothing and are passed over. Looks at no shapes.
// The result points into `file`.
StateDictMatch MatchStateDict(const Graph& graph, const TensorFile& file);

struct AssignOptions {
  bool allow_missing = false;     // parameters without a tensor stay as they are
  bool allow_unexpected = false;  // tensors without a parameter are left out
};

// Replaces the graph's parameters by their tensors, as float32. Checks everything
// before anything is copied; one error names every key that is missing, unexpected
// or of another shape. On an error the graph may have some of the new weights.
Status AssignStateDict(const StateDictMatch& match, const AssignOptions& options, Graph& graph);

}  // namespace signum

#endif  // SIGNUM_FORMAT_STATE_DICT_H_
