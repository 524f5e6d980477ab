#include "onnx/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace signum::onnx {
namespace {

// QONNX's operators under the names that they have had.
constexpr std::string_view kQonnx = "qonnx.custom_op.general";
constexpr std::string_view kFinn = "finn.custom_op.general";
constexpr std::string_view kBrevitas = "onnx.brevitas";

// Sorted by domain and name; domain, name, fewest and most inputs, function, and whether
// the first input may be a constant.
constexpr auto kOperators = std::to_array<OperatorEntry>({
    {"", "Abs", 1, 1, ImportAbs},
    {"", "Add", 2, 2, ImportAdd, true},
    {"", "AveragePool", 1, 1, ImportAveragePool},
    {"", "BatchNormalization", 5, 5, ImportBatchNormalization},
    {"", "Cast", 1, 1, ImportCast},
    {"", "Clip", 1, 3, ImportClip},
    {"", "Concat", 1, kAnyNumber, ImportConcat, true},
    {"", "Conv", 2, 3, ImportConv},
    {"", "ConvInteger", 2, 4, ImportConvInteger},
    {"", "ConvTranspose", 2, 3, ImportConvTranspose},
    {"", "DequantizeLinear", 2, 3, ImportDequantizeLinear},
    {"", "Div", 2, 2, ImportDiv, true},
    {"", "Dropout", 1, 3, ImportDropout},
    {"", "Flatten", 1, 1, ImportFlatten},
    {"", "Gather", 2, 2, ImportGather, true},
    {"", "Gemm", 2, 3, ImportGemm, true},
    {"", "GlobalAveragePool", 1, 1, ImportGlobalAveragePool},
    {"", "GlobalMaxPool", 1, 1, ImportGlobalMaxPool},
    {"", "HardSigmoid", 1, 1, ImportHardSigmoid},
    {"", "HardSwish", 1, 1, ImportHardSwish},
    {"", "Identity", 1, 1, ImportIdentity},
    {"", "LeakyRelu", 1, 1, ImportLeakyRelu},
    {"", "MatMul", 2, 2, ImportMatMul, true},
    {"", "MatMulInteger", 2, 4, ImportMatMulInteger},
    {"", "MaxPool", 1, 1, ImportMaxPool},
    {"", "Mul", 2, 2, ImportMul, true},
    {"", "Neg", 1, 1, ImportNeg},
    {"", "PRelu", 2, 2, ImportPRelu, true},
    {"", "Pad", 1, 4, ImportPad},
    {"", "QLinearConv", 8, 9, ImportQLinearConv},
    {"", "QLinearMatMul", 8, 8, ImportQLinearMatMul},
    {"", "QuantizeLinear", 2, 3, ImportQuantizeLinear},
    {"", "ReduceMean", 1, 2, ImportReduceMean},
    {"", "Relu", 1, 1, ImportRelu},
    {"", "Reshape", 1, 2, ImportReshape},
    {"", "Resize", 1, 4, ImportResize},
    {"", "Shape", 1, 1, ImportShape},
    {"", "Sigmoid", 1, 1, ImportSigmoid},
    {"", "Sign", 1, 1, ImportSign},
    {"", "Size", 1, 1, ImportSize},
    {"", "Slice", 1, 5, ImportSlice},
    {"", "Softmax", 1, 1, ImportSoftmax},
    {"", "Split", 1, 2, ImportSplit},
    {"", "Squeeze", 1, 2, ImportSqueeze},
    {"", "Sub", 2, 2, ImportSub, true},
    {"", "Tanh", 1, 1, ImportTanh},
    {"", "Transpose", 1, 1, ImportTranspose},
    {"", "Unsqueeze", 1, 2, ImportUnsqueeze},
    {"", "Upsample", 1, 2, ImportUpsample},
    {kFinn, "BipolarQuant", 2, 2, ImportBipolarQuant},
    {kFinn, "Quant", 4, 4, ImportQuant},
    {kFinn, "Trunc", 5, 6, ImportTrunc},
    {kBrevitas, "BipolarQuant", 2, 2, ImportBipolarQuant},
    {kBrevitas, "Quant", 4, 4, ImportQuant},
    {kBrevitas, "Trunc", 5, 6, ImportTrunc},
    {kQonnx, "BipolarQuant", 2, 2, ImportBipolarQuant},
    {kQonnx, "Quant", 4, 4, ImportQuant},
    {kQonnx, "Trunc", 5, 6, ImportTrunc},
});

constexpr auto KeyOf(const OperatorEntry& entry) { return std::tie(entry.domain, entry.name); }

static_assert(std::is_sorted(kOperators.begin(), kOperators.end(),
                             [](const OperatorEntry& a, const OperatorEntry& b) {
                               return KeyOf(a) < KeyOf(b);
                             }));

}  // namespace

std::span<const OperatorEntry> Operators() { return kOperators; }

const OperatorEntry* FindOperator(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx") domain = "";
  const auto found = std::find_if(
      kOperators.begin(), kOperators.end(),
      [&](const OperatorEntry& entry) { return entry.domain == domain && entry.name == name; });
  return found == kOperators.end() ? nullptr : &*found;
}

Result<ConstantPointer> NeedConstant(const Value& value, const char* what) {
  if (value.is_constant()) return value.constant;
  if (value.absent()) return InvalidArgument(fmt::format("has no {}", what));
  return Unsupported(
      fmt::format("its {} is computed by the network; only a constant is possible", what));
}

Result<std::vector<int64_t>> NeedIntegers(const Value& value, const char* what) {
  if (value.absent()) return std::vector<int64_t>();
  SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer constant, NeedConstant(value, what));
  if (constant->is_float()) {
    return InvalidArgument(
        fmt::format("its {} is {}; integers are needed", what, Describe(*constant)));
  }
  return constant->Integers();
}

}  // namespace signum::onnx
