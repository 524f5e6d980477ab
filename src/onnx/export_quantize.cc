// Value quantizers, in ONNX's operators and in QONNX's.
#include <onnx/onnx_pb.h>

#include "onnx/export_node.h"

namespace signum::onnx {
namespace {

using ::onnx::NodeProto;

// x - shift, or x where there is no shift.
std::string SayShift(const NodeExport& to) {
  const Tensor* shift = to.node.Find("shift");
  if (shift == nullptr) return to.inputs[0];
  const auto sizes = ChannelSizes(to.in(), shift->elements());
  return to.Part("Sub", "shifted", {to.inputs[0], to.Parameter("shift", sizes)});
}

// s sign(x - shift), where sign(0) is +1 and ONNX's Sign(0) is 0.
void SaySigns(const NodeExport& to) {
  const std::string signs = to.Part("Sign", "sign", {SayShift(to)});
  const std::string half = to.writer.AddFloat(to.RoleName("half"), 0.5f);
  const std::string raised = to.Part("Add", "raised", {signs, half});
  const std::string bits = to.Part("Sign", "bits", {raised});
  to.Say("Mul", {bits, to.Parameter("scale", {})});
}

Status SayQuantizeLinear(const NodeExport& to, const QuantizeOp& op) {
  SIGNUM_RETURN_IF_ERROR(to.NeedOpset(
      op.bits < 8 ? 12 : 10, op.bits < 8 ? "a value of fewer than 8 bits" : "a quantized value"));
  const std::string scale = to.Parameter("scale", {});
  const std::string zero =
      to.writer.AddUint8(to.RoleName("zero_point"), static_cast<uint8_t>(op.zero_point));
  std::string codes = to.writer.TakeValueName(to.RoleName("codes"));
  to.writer.AddNode("QuantizeLinear", to.node.name, {to.inputs[0], scale, zero}, codes);
  if (op.bits < 8) {
    const auto highest = static_cast<uint8_t>((1 << op.bits) - 1);
    codes = to.Part("Clip", "clip",
                    {codes, to.writer.AddUint8(to.RoleName("lowest"), 0),
                     to.writer.AddUint8(to.RoleName("highest"), highest)});
  }
  to.writer.AddNode("DequantizeLinear", to.writer.TakeNodeName(to.RoleName("dequantize")),
                    {codes, scale, zero}, to.output);
  return {};
}

void SayBipolarQuant(const NodeExport& to) {
  const std::string shifted = SayShift(to);
  to.Say("BipolarQuant", {shifted, to.Parameter("scale", {})}).set_domain(kQonnxDomain);
}

void SayQuant(const NodeExport& to, const QuantizeOp& op) {
  const std::string scale = to.Parameter("scale", {});
  const std::string zero =
      to.writer.AddFloat(to.RoleName("zero_point"), static_cast<float>(op.zero_point));
  const std::string width = to.writer.AddFloat(to.RoleName("bits"), static_cast<float>(op.bits));
  SetQuant(to.Say("Quant", {to.inputs[0], scale, zero, width}), /*is_signed=*/false,
           /*narrow=*/false);
}

}  // namespace

void SetQuant(NodeProto& node, bool is_signed, bool narrow) {
  node.set_domain(kQonnxDomain);
  SetInt(node, "signed", is_signed ? 1 : 0);
  SetInt(node, "narrow", narrow ? 1 : 0);
  SetString(node, "rounding_mode", "ROUND");
}

Status Say(const NodeExport& to, const QuantizeOp& op) {
  if (to.form == OnnxForm::kQdq) {
    if (op.bits >= 2) return SayQuantizeLinear(to, op);
    SaySigns(to);
  } else if (op.bits == 1) {
    SayBipolarQuant(to);
  } else {
    SayQuant(to, op);
  }
  return {};
}

}  // namespace signum::onnx
