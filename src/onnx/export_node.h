// One node of a Graph on its way into an ONNX graph, and the functions that say each
// kind of operator in ONNX's. Internal to the export.
#ifndef SIGNUM_ONNX_EXPORT_NODE_H_
#define SIGNUM_ONNX_EXPORT_NODE_H_

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "onnx/export.h"
#include "onnx/export_writer.h"
#include "signum/result.h"

namespace signum::onnx {

struct NodeExport {
  const Graph& graph;
  const Node& node;
  const std::vector<Shape>& shapes;  // of every node's value, at batch size 1
  OnnxForm form;
  std::optional<float> input_scale;  // of the codes that the first input holds, if it does
  std::vector<std::string> inputs;   // names of values
  std::string output;
  GraphWriter& writer;

  const Shape& in(int index = 0) const { return shapes[node.inputs[index]]; }

  // Appends the node that gives the value.
  ::onnx::NodeProto& Say(const std::string& op, std::vector<std::string> values) const {
    return writer.AddNode(op, node.name, std::move(values), output);
  }
  // Appends a node of which this one is made besides; returns its value's name.
  std::string Part(const std::string& op, const std::string& part, std::vector<std::string> values,
                   ::onnx::NodeProto** proto = nullptr) const {
    return writer.AddPart(op, node.name, part, std::move(values), proto);
  }
  std::string RoleName(const std::string& role) const { return node.name + "." + role; }
  // The parameter as floats of the given sizes.
  std::string Parameter(const std::string& role, const std::vector<int64_t>& sizes) const {
    return writer.AddFloats(RoleName(role), sizes, node.Find(role)->floats());
  }
  // kUnsupported where `what` needs a newer opset.
  Status NeedOpset(int opset, const std::string& what) const;
};

// {channels, 1, 1} for a value {n, channels, h, w}: sizes that broadcast to axis 1.
std::vector<int64_t> ChannelSizes(const Shape& value, int64_t channels);

// {top, left, bottom, right}, as ONNX has padding.
std::vector<int64_t> Pads(const Padding& padding);

// The attributes kernel_shape, strides, pads, and dilations where `dilations`.
void SetWindow(::onnx::NodeProto& node, const Window& window, bool dilations);

// Appends a Pad of a constant around a value, as the node `name` with value `output`.
void SayPad(GraphWriter& writer, const std::string& name, const std::string& input,
            const std::vector<int64_t>& before, const std::vector<int64_t>& after, float value,
            const std::string& output);

inline constexpr const char* kQonnxDomain = "qonnx.custom_op.general";
// Makes the node QONNX's Quant, whose inputs are x, scale, zero-point and bit width.
void SetQuant(::onnx::NodeProto& node, bool is_signed, bool narrow);

// Says any operator but the input.
Status SayNode(const NodeExport& to);

// Its parts, by operator.
Status Say(const NodeExport& to, const ConvolutionOp& op);
Status Say(const NodeExport& to, const LinearOp& op);
Status Say(const NodeExport& to, const QuantizeOp& op);
Status Say(const NodeExport& to, const ConcatOp& op);
Status Say(const NodeExport& to, const FlattenOp& op);
Status Say(const NodeExport& to, const ReshapeOp& op);
Status Say(const NodeExport& to, const TransposeOp& op);
Status Say(const NodeExport& to, const PadOp& op);
Status Say(const NodeExport& to, const UpsampleOp& op);
Status Say(const NodeExport& to, const SoftmaxOp& op);
Status Say(const NodeExport& to, const ReduceMeanOp& op);
Status Say(const NodeExport& to, const DropoutOp& op);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_EXPORT_NODE_H_
