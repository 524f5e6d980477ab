#include "graph/ops.h"

namespace signum {
namespace {

const char* ActivationName(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::kRelu: return "ReLU";
    case ActivationKind::kRelu6: return "ReLU6";
    case ActivationKind::kHardTanh: return "HardTanh";
    case ActivationKind::kTanh: return "Tanh";
    case ActivationKind::kSigmoid: return "Sigmoid";
    case ActivationKind::kSwish: return "Swish";
    case ActivationKind::kHardSwish: return "HardSwish";
    case ActivationKind::kSign: return "Sign";
  }
  return "Activation";
}

}  // namespace

std::string OpName(const Op& op) {
  return std::visit(Overloaded{
                        [](const InputOp&) { return "Input"; },
                        [](const NormalizeOp&) { return "Normalize"; },
                        [](const ConvolutionOp&) { return "Convolution"; },
                        [](const LinearOp&) { return "Linear"; },
                        [](const BatchNormOp&) { return "BatchNorm"; },
                        [](const ActivationOp& o) { return ActivationName(o.kind); },
                        [](const PReluOp&) { return "PReLU"; },
                        [](const MaxPoolOp&) { return "MaxPool"; },
                        [](const AveragePoolOp&) { return "AveragePool"; },
                        [](const GlobalAveragePoolOp&) { return "GlobalAveragePool"; },
                        [](const AddOp&) { return "Add"; },
                        [](const MultiplyOp&) { return "Multiply"; },
                        [](const ConcatOp&) { return "Concat"; },
                        [](const FlattenOp&) { return "Flatten"; },
                        [](const ReshapeOp&) { return "Reshape"; },
                        [](const PadOp&) { return "Pad"; },
                        [](const UpsampleOp&) { return "Upsample"; },
                        [](const SoftmaxOp&) { return "Softmax"; },
                        [](const DropoutOp&) { return "Dropout"; },
                        [](const QuantizeOp&) { return "Quantize"; },
                        [](const ConstantOp&) { return "Constant"; },
                        [](const ConvTransposeOp&) { return "ConvTranspose"; },
                        [](const ClampOp&) { return "Clamp"; },
                        [](const SubtractOp&) { return "Subtract"; },
                        [](const DivideOp&) { return "Divide"; },
                        [](const MatMulOp&) { return "MatMul"; },
                        [](const ReduceMeanOp&) { return "ReduceMean"; },
                        [](const TransposeOp&) { return "Transpose"; },
                    },
                    op);
}

bool MovesValues(const Op& op) {
  return std::visit(Overloaded{
                        [](const MaxPoolOp&) { return true; },
                        [](const ConcatOp&) { return true; },
                        [](const FlattenOp&) { return true; },
                        [](const ReshapeOp&) { return true; },
                        [](const TransposeOp&) { return true; },
                        [](const DropoutOp&) { return true; },
                        [](const PadOp& o) { return o.value == 0; },
                        [](const UpsampleOp& o) { return o.mode == UpsampleMode::kNearest; },
                        [](const auto&) { return false; },
                    },
                    op);
}

const std::optional<WeightQuantizer>* WeightQuantizerSlot(const Op& op) {
  if (const auto* convolution = std::get_if<ConvolutionOp>(&op)) {
    return &convolution->weight_quantizer;
  }
  if (const auto* linear = std::get_if<LinearOp>(&op)) return &linear->weight_quantizer;
  return nullptr;
}

const WeightQuantizer* WeightQuantizerOf(const Op& op) {
  const auto* slot = WeightQuantizerSlot(op);
  return slot == nullptr || !*slot ? nullptr : &**slot;
}

std::optional<WeightQuantizer>* WeightQuantizerSlot(Op& op) {
  return const_cast<std::optional<WeightQuantizer>*>(
      WeightQuantizerSlot(static_cast<const Op&>(op)));
}

}  // namespace signum
