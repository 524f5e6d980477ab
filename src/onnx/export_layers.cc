// Convolutions and linear layers in ONNX's operators, with weights and biases as floats
// or as codes in either form.
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <utility>

#include "graph/parameters.h"
#include "graph/passes/snap_biases.h"
#include "onnx/export_node.h"

namespace signum::onnx {
namespace {

using ::onnx::NodeProto;

// A layer's weight on its way out. MatMul wants it transposed: {in, out}.
class Weight {
 public:
  Weight(const NodeExport& to, bool transposed)
      : to_(to), weight_(*to.node.Find("weight")), transposed_(transposed) {}

  // The name of the value that the layer is to read.
  Result<std::string> Say() const {
    if (weight_.type() == DataType::kFloat32) return FloatInitializer();
    if (to_.form == OnnxForm::kQonnx) return SayQonnx();
    return SayCodes();
  }

 private:
  std::string name() const { return to_.RoleName("weight"); }
  std::span<const float> scales() const { return to_.node.Find("weight_scale")->floats(); }
  bool per_channel() const { return (*WeightQuantizerSlot(to_.node.op))->per_channel; }
  int axis() const { return transposed_ ? 1 : 0; }  // of the output channels

  std::vector<int64_t> Sizes() const {
    const auto& sizes = weight_.shape().sizes();
    return transposed_ ? std::vector<int64_t>(sizes.rbegin(), sizes.rend()) : sizes;
  }

  template <typename T>
  std::vector<T> Arranged(std::span<const T> values) const {
    std::vector<T> arranged(values.begin(), values.end());
    if (!transposed_) return arranged;
    const int64_t rows = weight_.shape()[0], columns = weight_.shape()[1];
    for (int64_t i = 0; i < rows * columns; ++i) {
      arranged[i % columns * rows + i / columns] = values[i];
    }
    return arranged;
  }

  std::string FloatInitializer() const {
    const Tensor floats = FloatWeight(to_.node);
    return to_.writer.AddFloats(name(), Sizes(), Arranged(floats.floats()));
  }

  Result<std::string> SayCodes() const {
    SIGNUM_RETURN_IF_ERROR(to_.NeedOpset(per_channel() ? 13 : 10, per_channel()
                                                                      ? "a weight scale per channel"
                                                                      : "a quantized weight"));
    const auto channels = static_cast<int64_t>(scales().size());
    const std::vector<int64_t> sizes =
        per_channel() ? std::vector<int64_t>{channels} : std::vector<int64_t>{};
    const std::vector<int8_t> zeros(scales().size());
    NodeProto* node = nullptr;
    const std::string codes = to_.writer.AddInt8s(name(), Sizes(), Arranged(weight_.codes()));
    const std::string scale = to_.Parameter("weight_scale", sizes);
    const std::string zero = to_.writer.AddInt8s(to_.RoleName("weight_zero_point"), sizes, zeros);
    std::string value =
        to_.Part("DequantizeLinear", "weight.dequantize", {codes, scale, zero}, &node);
    if (per_channel()) SetInt(*node, "axis", axis());
    return value;
  }

  std::string SayQonnx() const {
    const int bits = (*WeightQuantizerSlot(to_.node.op))->bits;
    std::vector<int64_t> sizes;
    if (per_channel()) {
      sizes.assign(static_cast<size_t>(weight_.shape().rank()), 1);
      sizes[axis()] = weight_.shape()[0];
    }
    const std::string floats = FloatInitializer();
    const std::string scale = to_.Parameter("weight_scale", sizes);
    return bits == 1 ? SayBipolarQuant(floats, scale) : SayQuant(floats, scale, bits);
  }

  std::string SayBipolarQuant(const std::string& floats, const std::string& scale) const {
    NodeProto* node = nullptr;
    std::string value = to_.Part("BipolarQuant", "weight.quantize", {floats, scale}, &node);
    node->set_domain(kQonnxDomain);
    return value;
  }

  std::string SayQuant(const std::string& floats, const std::string& scale, int bits) const {
    NodeProto* node = nullptr;
    const std::string zero = to_.writer.AddFloat(to_.RoleName("weight_zero_point"), 0);
    const std::string width =
        to_.writer.AddFloat(to_.RoleName("weight_bits"), static_cast<float>(bits));
    std::string value = to_.Part("Quant", "weight.quantize", {floats, scale, zero, width}, &node);
    // Codes are symmetric, but those of 8 bits may hold -128.
    const auto codes = weight_.codes();
    const bool narrow = std::find(codes.begin(), codes.end(), -128) == codes.end();
    SetQuant(*node, /*is_signed=*/true, narrow);
    return value;
  }

  const NodeExport& to_;
  const Tensor& weight_;
  bool transposed_;
};

// The name of the bias that the layer is to read: int32 on the grid of the
// accumulators where it can be.
std::string SayBias(const NodeExport& to) {
  const std::vector<int64_t> rows{to.node.Find("bias")->elements()};
  const bool codes = to.node.Find("weight")->type() == DataType::kInt8;
  if (!codes || to.form != OnnxForm::kQdq || !to.input_scale) return to.Parameter("bias", rows);
  const std::vector<float> scales = AccumulatorScales(to.node, *to.input_scale);
  const auto multiples = BiasMultiples(to.node, scales);
  if (!multiples) return to.Parameter("bias", rows);
  const bool per_channel = (*WeightQuantizerSlot(to.node.op))->per_channel;
  const std::vector<int64_t> sizes = per_channel ? rows : std::vector<int64_t>{};
  const std::vector<int32_t> zeros(scales.size());
  NodeProto* node = nullptr;
  const std::string bias = to.writer.AddInt32s(to.RoleName("bias"), rows, *multiples);
  const std::string scale = to.writer.AddFloats(to.RoleName("bias_scale"), sizes, scales);
  const std::string zero = to.writer.AddInt32s(to.RoleName("bias_zero_point"), sizes, zeros);
  std::string value = to.Part("DequantizeLinear", "bias.dequantize", {bias, scale, zero}, &node);
  if (per_channel) SetInt(*node, "axis", 0);
  return value;
}

// What a 1-bit value is padded with other than nothing is padded outside of the
// convolution. Returns the padded value's name.
std::string SayCodePadding(const NodeExport& to, const ConvolutionOp& op) {
  const Node& quantize = to.graph.node(to.node.inputs[0]);
  const float value = static_cast<float>(op.pad_code) * quantize.Find("scale")->floats()[0];
  const Padding& padding = op.window.padding;
  const std::string name = to.node.name + ".pad";
  const std::string padded = to.writer.TakeValueName(name);
  SayPad(to.writer, to.writer.TakeNodeName(name), to.inputs[0], {0, 0, padding.top, padding.left},
         {0, 0, padding.bottom, padding.right}, value, padded);
  return padded;
}

}  // namespace

Status Say(const NodeExport& to, const ConvolutionOp& op) {
  Window window = op.window;
  std::string input = to.inputs[0];
  if (op.pad_code != 0 && window.padding != Padding{}) {
    input = SayCodePadding(to, op);
    window.padding = {};
  }
  SIGNUM_ASSIGN_OR_RETURN(const std::string weight, Weight(to, /*transposed=*/false).Say());
  std::vector<std::string> inputs{input, weight};
  if (op.bias) inputs.push_back(SayBias(to));
  NodeProto& node = to.Say("Conv", std::move(inputs));
  SetWindow(node, window, true);
  SetInt(node, "group", op.groups);
  return {};
}

Status Say(const NodeExport& to, const LinearOp& op) {
  SIGNUM_ASSIGN_OR_RETURN(const std::string weight, Weight(to, /*transposed=*/!op.bias).Say());
  if (!op.bias) {
    to.Say("MatMul", {to.inputs[0], weight});
    return {};
  }
  SetInt(to.Say("Gemm", {to.inputs[0], weight, SayBias(to)}), "transB", 1);
  return {};
}

}  // namespace signum::onnx
