// Layers and functions of floats in ONNX's operators.
#include <onnx/onnx_pb.h>

#include <cmath>

#include "base/check.h"
#include "onnx/export_node.h"

namespace signum::onnx {
namespace {

using ::onnx::NodeProto;

// Min and Max of a Clip are attributes below opset 11 and inputs since.
void SayClip(const NodeExport& to, float low, float high) {
  const bool has_low = std::isfinite(low), has_high = std::isfinite(high);
  if (to.writer.opset() < 11) {
    NodeProto& clip = to.Say("Clip", to.inputs);
    if (has_low) SetFloat(clip, "min", low);
    if (has_high) SetFloat(clip, "max", high);
    return;
  }
  to.Say("Clip", {to.inputs[0], has_low ? to.writer.AddFloat(to.RoleName("min"), low) : "",
                  has_high ? to.writer.AddFloat(to.RoleName("max"), high) : ""});
}

void SayHardSwish(const NodeExport& to) {
  if (to.writer.opset() >= 14) {
    to.Say("HardSwish", to.inputs);
    return;
  }
  NodeProto* gate = nullptr;
  const std::string gated = to.Part("HardSigmoid", "gate", to.inputs, &gate);
  SetFloat(*gate, "alpha", 1.0f / 6.0f);
  SetFloat(*gate, "beta", 0.5f);
  to.Say("Mul", {to.inputs[0], gated});
}

void SayActivation(const NodeExport& to, ActivationKind kind) {
  switch (kind) {
    case ActivationKind::kRelu: to.Say("Relu", to.inputs); return;
    case ActivationKind::kRelu6: SayClip(to, 0, 6); return;
    case ActivationKind::kHardTanh: SayClip(to, -1, 1); return;
    case ActivationKind::kTanh: to.Say("Tanh", to.inputs); return;
    case ActivationKind::kSigmoid: to.Say("Sigmoid", to.inputs); return;
    case ActivationKind::kSwish:
      to.Say("Mul", {to.inputs[0], to.Part("Sigmoid", "gate", to.inputs)});
      return;
    case ActivationKind::kHardSwish: SayHardSwish(to); return;
    case ActivationKind::kSign: to.Say("Sign", to.inputs); return;
  }
  SIGNUM_CHECK(false);
}

void SayBatchNorm(const NodeExport& to, const BatchNormOp& op) {
  const std::vector<int64_t> sizes{to.in()[1]};
  std::vector<std::string> inputs = to.inputs;
  for (const char* role : {"weight", "bias", "running_mean", "running_var"}) {
    inputs.push_back(to.Parameter(role, sizes));
  }
  NodeProto& norm = to.Say("BatchNormalization", std::move(inputs));
  SetFloat(norm, "epsilon", op.epsilon);
  SetFloat(norm, "momentum", 1.0f - op.momentum);  // ONNX's is the share that stays
}

void SayNormalize(const NodeExport& to, const NormalizeOp& op) {
  const std::vector<int64_t> sizes{1, static_cast<int64_t>(op.mean.size()), 1, 1};
  const std::string mean = to.writer.AddFloats(to.RoleName("mean"), sizes, op.mean);
  const std::string deviation = to.writer.AddFloats(to.RoleName("deviation"), sizes, op.deviation);
  to.Say("Div", {to.Part("Sub", "subtract", {to.inputs[0], mean}), deviation});
}

void SayConvTranspose(const NodeExport& to, const ConvTransposeOp& op) {
  std::vector<std::string> inputs{to.inputs[0],
                                  to.Parameter("weight", to.node.Find("weight")->shape().sizes())};
  if (op.bias) inputs.push_back(to.Parameter("bias", {op.output_channels}));
  NodeProto& node = to.Say("ConvTranspose", std::move(inputs));
  SetWindow(node, op.window, true);
  SetInts(node, "output_padding", std::vector<int64_t>{op.output_padding[0], op.output_padding[1]});
  SetInt(node, "group", op.groups);
}

Status SayMaxPool(const NodeExport& to, const Window& window) {
  const bool dilated = window.dilation != std::array<int, 2>{1, 1};
  if (dilated) SIGNUM_RETURN_IF_ERROR(to.NeedOpset(10, "a dilation"));
  SetWindow(to.Say("MaxPool", to.inputs), window, dilated);
  return {};
}

void SayAveragePool(const NodeExport& to, const AveragePoolOp& op) {
  NodeProto& node = to.Say("AveragePool", to.inputs);
  SetWindow(node, op.window, false);
  SetInt(node, "count_include_pad", op.count_padding ? 1 : 0);
}

void SayPRelu(const NodeExport& to) {
  const int64_t slopes = to.node.Find("weight")->elements();
  const auto sizes = ChannelSizes(to.in(), slopes);
  to.Say("PRelu", {to.inputs[0], to.Parameter("weight", sizes)});
}

void SayConstant(const NodeExport& to, const ConstantOp& op) {
  ::onnx::AttributeProto& value = *to.Say("Constant", {}).add_attribute();
  value.set_name("value");
  value.set_type(::onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_name(to.RoleName("value"));
  SetFloats(*value.mutable_t(), op.shape.sizes(), to.node.Find("value")->floats());
}

// What one operator of ONNX says alone.
Status Plain(const NodeExport& to, const char* op) { return to.Say(op, to.inputs), Status(); }

}  // namespace

Status SayNode(const NodeExport& to) {
  return std::visit(
      Overloaded{
          [&](const NormalizeOp& op) { return SayNormalize(to, op), Status(); },
          [&](const BatchNormOp& op) { return SayBatchNorm(to, op), Status(); },
          [&](const ActivationOp& op) { return SayActivation(to, op.kind), Status(); },
          [&](const ClampOp& op) { return SayClip(to, op.low, op.high), Status(); },
          [&](const PReluOp&) { return SayPRelu(to), Status(); },
          [&](const MaxPoolOp& op) { return SayMaxPool(to, op.window); },
          [&](const AveragePoolOp& op) { return SayAveragePool(to, op), Status(); },
          [&](const ConvTransposeOp& op) { return SayConvTranspose(to, op), Status(); },
          [&](const ConstantOp& op) { return SayConstant(to, op), Status(); },
          [&](const GlobalAveragePoolOp&) { return Plain(to, "GlobalAveragePool"); },
          [&](const AddOp&) { return Plain(to, "Add"); },
          [&](const SubtractOp&) { return Plain(to, "Sub"); },
          [&](const MultiplyOp&) { return Plain(to, "Mul"); },
          [&](const DivideOp&) { return Plain(to, "Div"); },
          [&](const MatMulOp&) { return Plain(to, "MatMul"); },
          [&](const InputOp&) { return SIGNUM_CHECK(false), Status(); },
          [&](const auto& op) { return Say(to, op); },
      },
      to.node.op);
}

}  // namespace signum::onnx
