// Operators that work element by element, and those that treat every channel alike.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "onnx/operators.h"
#include "onnx/quantize.h"
#include "onnx/tensor_proto.h"

namespace signum::onnx {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Result<Value> NeedFloats(const Value& value) {
  if (!value.is_integer()) return value;
  return Unsupported(fmt::format("works on {} values; only float values are computed with",
                                 ElementTypeName(value.type)));
}

Result<Value> Unary(Op op, const Value& value, GraphBuilder& builder,
                    const std::string& suffix = "") {
  SIGNUM_ASSIGN_OR_RETURN(const Value floats, NeedFloats(value));
  return builder.Emit(std::move(op), {floats}, {}, suffix);
}

Outputs Activation(ActivationKind kind, Inputs inputs, GraphBuilder& builder) {
  return One(Unary(ActivationOp{kind}, inputs[0], builder));
}

// Two operands of one element type. Integers of a network are kept as floats, which hold
// them exactly up to 2^24; narrow ones would have to wrap around, which floats do not.
Result<Value> Binary(const OnnxNode& node, Op op, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("consumed_inputs");
  if (node.opset() < 7) {
    // Where it says an axis, operands are not aligned at their last one.
    node.Ignore("broadcast");
    if (node.Has("axis")) return Unsupported("broadcasts from an axis on, as before opset 7");
  }
  if (inputs[0].type != inputs[1].type) {
    return Corrupt(fmt::format("has operands of {} and {}", ElementTypeName(inputs[0].type),
                               ElementTypeName(inputs[1].type)));
  }
  std::vector<Value> operands;
  for (const Value& input : inputs) {
    const bool wide = input.type == ElementType::kInt32 || input.type == ElementType::kInt64;
    if (input.is_integer() && (!wide || node.op() == "Div")) {
      return Unsupported(fmt::format("is arithmetic of {} values that are not constants",
                                     ElementTypeName(input.type)));
    }
    operands.push_back(input);
    if (!input.is_constant()) {
      SIGNUM_ASSIGN_OR_RETURN(operands.back(), builder.AsNode(input));
    }
  }
  SIGNUM_ASSIGN_OR_RETURN(operands, builder.Aligned(operands));
  SIGNUM_ASSIGN_OR_RETURN(Value result, builder.Emit(std::move(op), operands));
  result.type = inputs[0].type;
  return result;
}

Result<Value> WithScalar(Op op, const Value& value, float scalar, GraphBuilder& builder,
                         const std::string& suffix) {
  SIGNUM_ASSIGN_OR_RETURN(const auto operands,
                          builder.Aligned({value, Value::Of(Constant::OfFloats({}, {scalar}))}));
  return builder.Emit(std::move(op), operands, {}, suffix);
}

// max(x, 0) + slope min(x, 0), where the Graph's PReLU has no such slope.
Result<Value> PReluInParts(const Value& x, const Value& slope, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const Value above,
                          Unary(ActivationOp{ActivationKind::kRelu}, x, builder, "above"));
  SIGNUM_ASSIGN_OR_RETURN(const Value below, Unary(ClampOp{-kInfinity, 0.0f}, x, builder, "below"));
  SIGNUM_ASSIGN_OR_RETURN(const auto factors, builder.Aligned({below, slope}));
  SIGNUM_ASSIGN_OR_RETURN(const Value sloped, builder.Emit(MultiplyOp{}, factors, {}, "sloped"));
  SIGNUM_ASSIGN_OR_RETURN(const auto terms, builder.Aligned({above, sloped}));
  return builder.Emit(AddOp{}, terms);
}

// Whether a slope of these sizes differs along axis 1 of `x` alone.
bool IsPerChannel(const Value& x, const Constant& slope) {
  if (!x.batched || x.rank() < 2 || slope.rank() > x.rank()) return false;
  const int channel_axis = 1 - (x.rank() - slope.rank());
  if (channel_axis < 0 || slope.sizes[channel_axis] != x.sizes[1]) return false;
  return slope.elements() == x.sizes[1];
}

Result<Value> EmitPRelu(const Value& x, const Value& slope, GraphBuilder& builder) {
  const bool has_channels = builder.shape(x.node).rank() >= 2;
  if (has_channels && slope.is_constant()) {
    const Constant& numbers = *slope.constant;
    if (numbers.elements() == 1 || IsPerChannel(x, numbers)) {
      GraphBuilder::Parameters parameters;
      parameters.emplace("weight", Tensor({numbers.elements()}, numbers.Floats()));
      return builder.Emit(PReluOp{}, {x}, std::move(parameters));
    }
  }
  return PReluInParts(x, slope, builder);
}

Op ClampBetween(float low, float high) {
  if (low == 0 && high == kInfinity) return ActivationOp{ActivationKind::kRelu};
  if (low == 0 && high == 6) return ActivationOp{ActivationKind::kRelu6};
  if (low == -1 && high == 1) return ActivationOp{ActivationKind::kHardTanh};
  return ClampOp{low, high};
}

struct Bounds {
  ConstantPointer low, high;  // or null
};

Result<Bounds> ClipBounds(const OnnxNode& node, Inputs inputs) {
  Bounds bounds;
  const auto scalar = [](float number) {
    return std::make_shared<const Constant>(Constant::OfFloats({}, {number}));
  };
  if (node.opset() < 11) {
    node.Ignore("consumed_inputs");
    SIGNUM_ASSIGN_OR_RETURN(const float low, node.Float("min", -kInfinity));
    SIGNUM_ASSIGN_OR_RETURN(const float high, node.Float("max", kInfinity));
    return Bounds{scalar(low), scalar(high)};
  }
  if (!InputOr(inputs, 1).absent()) {
    SIGNUM_ASSIGN_OR_RETURN(bounds.low, NeedConstant(inputs[1], "min"));
  }
  if (!InputOr(inputs, 2).absent()) {
    SIGNUM_ASSIGN_OR_RETURN(bounds.high, NeedConstant(inputs[2], "max"));
  }
  for (const ConstantPointer& bound : {bounds.low, bounds.high}) {
    if (bound == nullptr || bound->elements() == 1) continue;
    return InvalidArgument("bounds of more than one number");
  }
  return bounds;
}

// Integers that stand for floats, or are kept as floats.
Result<Value> ClipIntegers(const Value& x, const Bounds& bounds, GraphBuilder& builder) {
  for (const Constant* bound : {bounds.low.get(), bounds.high.get()}) {
    if (bound != nullptr && bound->is_float()) {
      return InvalidArgument("clips integers between floats; give it bounds of its input's type");
    }
  }
  const IntegerRange range = RangeOf(x.type);
  int64_t low = bounds.low ? bounds.low->Integer(0) : range.lowest;
  const int64_t high = bounds.high ? bounds.high->Integer(0) : range.highest;
  low = std::min(low, high);  // ONNX: all become `max` then
  if (x.encoding) return ClampIntegers(x, low, high, builder);
  SIGNUM_ASSIGN_OR_RETURN(
      Value clipped, builder.Emit(ClampOp{static_cast<float>(low), static_cast<float>(high)}, {x}));
  clipped.type = x.type;
  return clipped;
}

// The axis in the Graph's terms, for an operator that may not work along the batch.
Result<Value> OffBatch(const Value& value, int axis, GraphBuilder& builder) {
  return value.batched && axis == 0 ? builder.Unbatched(value) : Result<Value>(value);
}

}  // namespace

Outputs ImportAdd(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  return One(Binary(node, AddOp{}, inputs, builder));
}

Outputs ImportSub(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  return One(Binary(node, SubtractOp{}, inputs, builder));
}

Outputs ImportMul(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  return One(Binary(node, MultiplyOp{}, inputs, builder));
}

Outputs ImportDiv(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  return One(Binary(node, DivideOp{}, inputs, builder));
}

Outputs ImportRelu(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("consumed_inputs");
  return Activation(ActivationKind::kRelu, inputs, builder);
}

Outputs ImportSigmoid(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("consumed_inputs");
  return Activation(ActivationKind::kSigmoid, inputs, builder);
}

Outputs ImportTanh(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("consumed_inputs");
  return Activation(ActivationKind::kTanh, inputs, builder);
}

Outputs ImportHardSwish(const OnnxNode&, Inputs inputs, GraphBuilder& builder) {
  return Activation(ActivationKind::kHardSwish, inputs, builder);
}

Outputs ImportSign(const OnnxNode&, Inputs inputs, GraphBuilder& builder) {
  return Activation(ActivationKind::kSign, inputs, builder);
}

Outputs ImportLeakyRelu(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("consumed_inputs");
  SIGNUM_ASSIGN_OR_RETURN(const float alpha, node.Float("alpha", 0.01f));
  SIGNUM_ASSIGN_OR_RETURN(const Value x, NeedFloats(inputs[0]));
  return One(EmitPRelu(x, Value::Of(Constant::OfFloats({}, {alpha})), builder));
}

Outputs ImportPRelu(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("consumed_inputs");
  SIGNUM_ASSIGN_OR_RETURN(Value x, NeedFloats(inputs[0]));
  SIGNUM_ASSIGN_OR_RETURN(Value slope, NeedFloats(inputs[1]));
  if (x.is_constant()) {
    SIGNUM_ASSIGN_OR_RETURN(x, builder.AsNode(x));
  }
  // Before opset 7 a list of slopes is one for each channel, without axes behind it.
  if (node.opset() < 7 && slope.is_constant() && slope.rank() == 1 && x.rank() > 2) {
    std::vector<int64_t> sizes(static_cast<size_t>(x.rank() - 1), 1);
    sizes[0] = slope.sizes[0];
    slope = Value::Of(Constant::OfFloats(std::move(sizes), slope.constant->Floats()));
  }
  return One(EmitPRelu(x, slope, builder));
}

Outputs ImportNeg(const OnnxNode&, Inputs inputs, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const Value x, NeedFloats(inputs[0]));
  return One(WithScalar(MultiplyOp{}, x, -1.0f, builder, ""));
}

Outputs ImportAbs(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("consumed_inputs");
  SIGNUM_ASSIGN_OR_RETURN(const Value x, NeedFloats(inputs[0]));
  SIGNUM_ASSIGN_OR_RETURN(const Value negative,
                          WithScalar(MultiplyOp{}, x, -1.0f, builder, "negative"));
  const ActivationOp relu{ActivationKind::kRelu};
  SIGNUM_ASSIGN_OR_RETURN(const Value above, builder.Emit(relu, {x}, {}, "above"));
  SIGNUM_ASSIGN_OR_RETURN(const Value below, builder.Emit(relu, {negative}, {}, "below"));
  return One(builder.Emit(AddOp{}, {above, below}));
}

Outputs ImportClip(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  SIGNUM_ASSIGN_OR_RETURN(const Bounds bounds, ClipBounds(node, inputs));
  const Value& x = inputs[0];
  if (x.is_integer()) return One(ClipIntegers(x, bounds, builder));
  float low = bounds.low ? bounds.low->Float(0) : -kInfinity;
  const float high = bounds.high ? bounds.high->Float(0) : kInfinity;
  if (low > high) low = high;  // ONNX: all become `max` then
  if (low == -kInfinity && high == kInfinity) return One(x);
  return One(builder.Emit(ClampBetween(low, high), {x}));
}

Outputs ImportHardSigmoid(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("consumed_inputs");
  SIGNUM_ASSIGN_OR_RETURN(const float alpha, node.Float("alpha", 0.2f));
  SIGNUM_ASSIGN_OR_RETURN(const float beta, node.Float("beta", 0.5f));
  SIGNUM_ASSIGN_OR_RETURN(Value x, NeedFloats(inputs[0]));
  SIGNUM_ASSIGN_OR_RETURN(x, WithScalar(MultiplyOp{}, x, alpha, builder, "alpha"));
  SIGNUM_ASSIGN_OR_RETURN(x, WithScalar(AddOp{}, x, beta, builder, "beta"));
  return One(builder.Emit(ClampOp{0.0f, 1.0f}, {x}));
}

Outputs ImportBatchNormalization(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("consumed_inputs");
  node.Ignore("is_test");
  SIGNUM_ASSIGN_OR_RETURN(const float epsilon, node.Float("epsilon", 1e-5f));
  SIGNUM_ASSIGN_OR_RETURN(const float momentum, node.Float("momentum", 0.9f));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t training, node.Int("training_mode", 0));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t spatial, node.Int("spatial", 1));
  if (training != 0) return Unsupported("is in training mode; export the model for inference");
  if (spatial != 1) return Unsupported("has statistics for each element (spatial=0)");
  SIGNUM_ASSIGN_OR_RETURN(Value x, NeedFloats(inputs[0]));
  SIGNUM_ASSIGN_OR_RETURN(x, builder.Batched(x));
  constexpr const char* kRoles[] = {"weight", "bias", "running_mean", "running_var"};
  GraphBuilder::Parameters parameters;
  for (int i = 0; i < 4; ++i) {
    SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer numbers, NeedConstant(inputs[i + 1], kRoles[i]));
    if (x.rank() < 2 || numbers->elements() != x.sizes[1]) {
      builder.Refuse(fmt::format("{} of {} for a value of {}", kRoles[i], Describe(*numbers),
                                 SizesText(x.sizes)));
      return One(x);  // whose sizes the output has
    }
    parameters.emplace(kRoles[i], Tensor({x.sizes[1]}, numbers->Floats()));
  }
  const BatchNormOp op{.epsilon = epsilon, .momentum = 1.0f - momentum};
  return One(builder.Emit(op, {x}, std::move(parameters)));
}

Outputs ImportSoftmax(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  const bool flattens = node.opset() < 13;
  SIGNUM_ASSIGN_OR_RETURN(const int64_t stated, node.Int("axis", flattens ? 1 : -1));
  SIGNUM_ASSIGN_OR_RETURN(Value x, NeedFloats(inputs[0]));
  SIGNUM_ASSIGN_OR_RETURN(const int axis, AxisOf(stated, x.rank()));
  SIGNUM_ASSIGN_OR_RETURN(x, OffBatch(x, axis, builder));
  const std::vector<int64_t> sizes = x.sizes;
  if (flattens) {
    // Before opset 13 all axes from `axis` on are one.
    std::vector<int64_t> joined(sizes.begin(), sizes.begin() + axis);
    int64_t rest = 1;
    for (int i = axis; i < x.rank(); ++i) rest *= sizes[i];
    joined.push_back(rest);
    SIGNUM_ASSIGN_OR_RETURN(x, builder.Reshaped(x, std::move(joined)));
  }
  SIGNUM_ASSIGN_OR_RETURN(const Value softmax,
                          builder.Emit(SoftmaxOp{.axis = x.batched ? axis : axis + 1}, {x}));
  return One(builder.Reshaped(softmax, sizes));
}

Outputs ImportDropout(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  for (const char* name : {"seed", "is_test", "consumed_inputs"}) node.Ignore(name);
  SIGNUM_ASSIGN_OR_RETURN(float ratio, node.Float("ratio", 0.5f));
  if (!InputOr(inputs, 1).absent()) {
    SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer number, NeedConstant(inputs[1], "ratio"));
    if (number->elements() != 1) return InvalidArgument("a ratio of more than one number");
    ratio = number->Float(0);
  }
  if (!InputOr(inputs, 2).absent()) {
    SIGNUM_ASSIGN_OR_RETURN(const ConstantPointer training,
                            NeedConstant(inputs[2], "training_mode"));
    const bool drops = training->elements() != 1 || (training->Float(0) != 0 && ratio != 0);
    if (drops) return Unsupported("is in training mode; export the model for inference");
  }
  SIGNUM_ASSIGN_OR_RETURN(const Value x, NeedFloats(inputs[0]));
  std::vector<Value> outputs = {x};
  if (ratio > 0 && ratio < 1) {
    SIGNUM_ASSIGN_OR_RETURN(outputs[0], builder.Emit(DropoutOp{.probability = ratio}, {x}));
  }
  if (node.outputs() > 1) {
    const int64_t count = CheckedProduct(x.sizes, kMaxTensorElements);
    if (count < 0) return Unsupported("has too large a mask");
    SIGNUM_RETURN_IF_ERROR(builder.budget().Take(count));
    outputs.push_back(Value::Of(Constant::OfIntegers(
        ElementType::kBool, x.sizes, std::vector<int64_t>(static_cast<size_t>(count), 1))));
  }
  return outputs;
}

Outputs ImportIdentity(const OnnxNode&, Inputs inputs, GraphBuilder&) { return One(inputs[0]); }

Outputs ImportCast(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  node.Ignore("saturate");
  SIGNUM_ASSIGN_OR_RETURN(const int64_t to, node.Int("to", 0));
  constexpr int64_t kBfloat16 = 16;  // TensorProto.DataType
  if (to == kBfloat16) return Unsupported("rounds to bfloat16, which floats here do not");
  SIGNUM_ASSIGN_OR_RETURN(const ElementType type, ToElementType(to));
  SIGNUM_ASSIGN_OR_RETURN(Value value, builder.AsNode(inputs[0]));
  const IntegerRange from = RangeOf(value.type), target = RangeOf(type);
  const bool widens =
      value.is_integer() && target.lowest <= from.lowest && target.highest >= from.highest;
  if (type != ElementType::kFloat32 && value.type != type && !widens) {
    return Unsupported(fmt::format("makes {} of {} values that are not constants",
                                   ElementTypeName(type), ElementTypeName(value.type)));
  }
  value.type = type;
  return One(value);
}

}  // namespace signum::onnx
