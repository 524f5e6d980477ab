// What moves, joins, resizes and reduces values, in ONNX's operators.
#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <numeric>
#include <utility>

#include "onnx/export_node.h"

namespace signum::onnx {

using ::onnx::NodeProto;

Status NodeExport::NeedOpset(int opset, const std::string& what) const {
  if (writer.opset() >= opset) return {};
  return Unsupported(fmt::format("{} needs opset {} or newer, and opset {} was asked for", what,
                                 opset, writer.opset()));
}

std::vector<int64_t> ChannelSizes(const Shape& value, int64_t channels) {
  std::vector<int64_t> sizes(static_cast<size_t>(value.rank()) - 1, 1);
  sizes[0] = channels;
  return sizes;
}

std::vector<int64_t> Pads(const Padding& padding) {
  return {padding.top, padding.left, padding.bottom, padding.right};
}

void SetWindow(NodeProto& node, const Window& window, bool dilations) {
  const auto ints = [](const std::array<int, 2>& pair) {
    return std::vector<int64_t>{pair[0], pair[1]};
  };
  SetInts(node, "kernel_shape", ints(window.kernel));
  SetInts(node, "strides", ints(window.stride));
  SetInts(node, "pads", Pads(window.padding));
  if (dilations) SetInts(node, "dilations", ints(window.dilation));
}

void SayPad(GraphWriter& writer, const std::string& name, const std::string& input,
            const std::vector<int64_t>& before, const std::vector<int64_t>& after, float value,
            const std::string& output) {
  std::vector<int64_t> pads = before;
  pads.insert(pads.end(), after.begin(), after.end());
  if (writer.opset() < 11) {
    NodeProto& node = writer.AddNode("Pad", name, {input}, output);
    SetString(node, "mode", "constant");
    SetInts(node, "pads", pads);
    SetFloat(node, "value", value);
    return;
  }
  const std::string sizes = writer.AddInt64s(name + ".pads", pads);
  const std::string constant = writer.AddFloat(name + ".value", value);
  SetString(writer.AddNode("Pad", name, {input, sizes, constant}, output), "mode", "constant");
}

Status Say(const NodeExport& to, const ConcatOp& op) {
  SetInt(to.Say("Concat", to.inputs), "axis", op.axis);
  return {};
}

Status Say(const NodeExport& to, const FlattenOp&) {
  SetInt(to.Say("Flatten", to.inputs), "axis", 1);
  return {};
}

Status Say(const NodeExport& to, const ReshapeOp& op) {
  std::vector<int64_t> sizes = op.shape;
  if (sizes[0] == 1) sizes[0] = 0;  // the batch, of which a Graph has one
  to.Say("Reshape", {to.inputs[0], to.writer.AddInt64s(to.RoleName("shape"), sizes)});
  return {};
}

Status Say(const NodeExport& to, const TransposeOp& op) {
  SetInts(to.Say("Transpose", to.inputs), "perm",
          std::vector<int64_t>(op.permutation.begin(), op.permutation.end()));
  return {};
}

Status Say(const NodeExport& to, const PadOp& op) {
  SayPad(to.writer, to.node.name, to.inputs[0], op.before, op.after, op.value, to.output);
  return {};
}

Status Say(const NodeExport& to, const UpsampleOp& op) {
  const bool nearest = op.mode == UpsampleMode::kNearest;
  const int opset = to.writer.opset();
  if (!nearest) SIGNUM_RETURN_IF_ERROR(to.NeedOpset(11, "bilinear sampling at half pixels"));
  const auto scale = static_cast<float>(op.scale);
  const std::vector<float> scales{1, 1, scale, scale};
  const std::string factors = to.writer.AddFloats(to.RoleName("scales"), {4}, scales);
  if (opset < 11) {
    SetString(to.Say(opset < 10 ? "Upsample" : "Resize", {to.inputs[0], factors}), "mode",
              "nearest");
    return {};
  }
  // The region of interest may be left out since opset 13; before, it is empty.
  const std::string region = opset < 13 ? to.writer.AddFloats(to.RoleName("roi"), {0}, {}) : "";
  NodeProto& node = to.Say("Resize", {to.inputs[0], region, factors});
  SetString(node, "mode", nearest ? "nearest" : "linear");
  SetString(node, "coordinate_transformation_mode", nearest ? "asymmetric" : "half_pixel");
  if (nearest) SetString(node, "nearest_mode", "floor");
  return {};
}

Status Say(const NodeExport& to, const SoftmaxOp& op) {
  const int last = to.in().rank() - 1;
  if (to.writer.opset() >= 13 || op.axis == last) {
    SetInt(to.Say("Softmax", to.inputs), "axis", op.axis);
    return {};
  }
  // Before opset 13 all axes from `axis` on are one, so that axis has to be last.
  std::vector<int64_t> swapped(static_cast<size_t>(last) + 1);
  std::iota(swapped.begin(), swapped.end(), 0);
  std::swap(swapped[op.axis], swapped[last]);
  NodeProto* part = nullptr;
  const std::string turned = to.Part("Transpose", "turn", to.inputs, &part);
  SetInts(*part, "perm", swapped);
  const std::string softmax = to.Part("Softmax", "softmax", {turned}, &part);
  SetInt(*part, "axis", last);
  SetInts(to.Say("Transpose", {softmax}), "perm", swapped);
  return {};
}

Status Say(const NodeExport& to, const ReduceMeanOp& op) {
  if (op.axes.empty()) {  // which ONNX takes for all axes
    to.Say("Identity", to.inputs);
    return {};
  }
  NodeProto& node = to.Say("ReduceMean", to.inputs);
  SetInts(node, "axes", std::vector<int64_t>(op.axes.begin(), op.axes.end()));
  SetInt(node, "keepdims", op.keep_axes ? 1 : 0);
  return {};
}

Status Say(const NodeExport& to, const DropoutOp& op) {
  if (to.writer.opset() < 12) {
    SetFloat(to.Say("Dropout", to.inputs), "ratio", op.probability);
    return {};
  }
  to.Say("Dropout", {to.inputs[0], to.writer.AddFloat(to.RoleName("ratio"), op.probability)});
  return {};
}

}  // namespace signum::onnx
