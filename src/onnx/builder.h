// GraphBuilder: appends the nodes that one ONNX node becomes, keeps track of shapes
// and of which axis is the batch. What the importers of single operators work with.
// Knows Values and the Graph, no protobuf.
#ifndef SIGNUM_ONNX_BUILDER_H_
#define SIGNUM_ONNX_BUILDER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "onnx/fold.h"
#include "onnx/value.h"
#include "signum/result.h"

namespace signum::onnx {

// Axes of a value: more are taken for a corrupt file.
inline constexpr int kMostAxes = 32;

class GraphBuilder {
 public:
  using Parameters = std::map<std::string, Tensor>;

  // `budget` bounds what is computed from constants, and the parameters of all nodes; it
  // must outlive the builder.
  explicit GraphBuilder(FoldBudget& budget) : budget_(budget) {}

  // Starts the graph: its input, as the tensor `sizes`, whose first axis is the batch
  // unless `batched` is false.
  Result<Value> AddInput(const std::string& name, std::vector<int64_t> sizes, bool batched,
                         ElementType type);

  // What the next nodes are named after: the ONNX node. The first Emit gets the name
  // itself where it has no suffix.
  void SetNodeName(const std::string& name) { base_name_ = name; }

  // Appends a node that reads `inputs`, which are all batched or all not, and returns
  // its value, of the same form; an error where the shapes do not fit. `suffix` tells
  // apart what one ONNX node becomes: "conv1.pad".
  Result<Value> Emit(Op op, const std::vector<Value>& inputs, Parameters parameters = {},
                     const std::string& suffix = "");

  // The value as a node's: a constant becomes a Constant node, integers with an
  // encoding the integers themselves.
  Result<Value> AsNode(const Value& value);

  // The floats that a node has for the value's integers: what DequantizeLinear makes.
  static Value Decoded(Value value);

  // The value with its first axis the batch. An error where that axis is not of size 1,
  // or where there is none.
  Result<Value> Batched(const Value& value);

  // The value with its first axis an axis like any other, as an operator needs that works
  // along it. An error, and mixed_batch(), where it is the batch and has several images.
  Result<Value> Unbatched(const Value& value);

  // Operands for an elementwise operator: nodes of one form and equal rank, 1 where a
  // value had no axis. Batched where the first axis of every node is the batch and no
  // constant has more than one size along it.
  Result<std::vector<Value>> Aligned(const std::vector<Value>& values);

  // A Constant node for each image, in the form asked for: `rank` axes in ONNX's terms, by
  // ones in front. The constant's own first axis has size 1 where it would be the batch.
  Result<Value> AddConstant(const Constant& constant, bool batched, int rank,
                            const std::string& suffix = "constant");

  // The value with these sizes instead, the same elements in the same order, in the form
  // it has; the batch stays.
  Result<Value> Reshaped(const Value& value, std::vector<int64_t> sizes,
                         const std::string& suffix = "reshape");

  // The product of `matrix`, rows of {outputs, size of the axis}, with the value along
  // `axis`: out[.., i, ..] = sum_k matrix[i][k] value[.., k, ..]. `axis` is not the batch.
  Result<Value> AlongAxis(const Value& value, int axis, const std::vector<float>& matrix,
                          int64_t outputs, const std::string& suffix);

  const Graph& graph() const { return graph_; }
  Graph& graph() { return graph_; }
  const Shape& shape(NodeId id) const { return shapes_[id]; }
  FoldBudget& budget() { return budget_; }

  // Says something about the current node that its user should know.
  void Note(const std::string& text);
  const std::vector<std::string>& notes() const { return notes_; }

  // Refuses the current node although its value is made: the sizes of that are known, and
  // so the nodes that read it are looked at, too.
  void Refuse(const std::string& reason) { refusals_.push_back(reason); }
  std::vector<std::string> TakeRefusals() { return std::exchange(refusals_, {}); }

  // Says that the model leaves the size of the first axis open, so that whoever works
  // along that axis notes that it has one image.
  void SetOpenBatch() { open_batch_ = true; }

  // Whether some operator needed the first axis as an axis like any other while it is a
  // batch of several images: importing again with the input not batched may help.
  bool mixed_batch() const { return mixed_batch_; }

 private:
  std::string NewName(const std::string& suffix);

  FoldBudget& budget_;
  Graph graph_;
  std::vector<Shape> shapes_;
  std::string base_name_;
  std::set<std::string> names_;
  std::map<std::string, int> counters_;
  std::vector<std::string> notes_, refusals_;
  std::map<NodeId, NodeId> twins_;  // the same value in the other form
  bool mixed_batch_ = false, open_batch_ = false;
};

// The index of an axis that may count from the end; an error where there is none.
Result<int> AxisOf(int64_t axis, int rank);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_BUILDER_H_
