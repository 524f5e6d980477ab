// Matrix products: with a weight they are linear layers, else products of values.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "onnx/layer.h"
#include "onnx/operators.h"

namespace signum::onnx {
namespace {

// a times b over the last two axes, at least one of them a node's value.
Result<Value> Multiply(Value a, Value b, GraphBuilder& builder) {
  const int rank = std::max(a.rank(), b.rank());
  // With two axes the first is a row of the matrix, not an image.
  if (rank == 2) {
    for (Value* value : {&a, &b}) {
      if (value->is_constant()) continue;
      SIGNUM_ASSIGN_OR_RETURN(*value, builder.Unbatched(*value));
    }
  }
  SIGNUM_ASSIGN_OR_RETURN(const auto operands, builder.Aligned({a, b}));
  return builder.Emit(MatMulOp{}, operands);
}

Result<Value> Transposed(const Value& value, GraphBuilder& builder) {
  if (value.is_constant()) return TransposedConstant(value, {1, 0}, builder.budget());
  SIGNUM_ASSIGN_OR_RETURN(const Value matrix, builder.Unbatched(value));
  return builder.Emit(TransposeOp{{0, 2, 1}}, {matrix}, {}, "transpose");
}

Result<Value> Scaled(const Value& value, float factor, GraphBuilder& builder,
                     const std::string& suffix) {
  if (factor == 1.0f) return value;
  if (value.is_constant()) {
    SIGNUM_RETURN_IF_ERROR(builder.budget().Take(value.constant->elements()));
    std::vector<float> floats = value.constant->Floats();
    for (float& x : floats) x *= factor;
    return Value::Of(Constant::OfFloats(value.sizes, std::move(floats)));
  }
  SIGNUM_ASSIGN_OR_RETURN(const auto operands,
                          builder.Aligned({value, Value::Of(Constant::OfFloats({}, {factor}))}));
  return builder.Emit(MultiplyOp{}, operands, {}, suffix);
}

// C of Gemm as one number for each column, if it is that.
std::optional<std::vector<float>> ColumnBias(const Value& c, int64_t columns) {
  if (!c.is_constant() || c.rank() > 2) return std::nullopt;
  const int64_t elements = c.constant->elements();
  const bool row = elements == columns && (c.rank() == 0 || c.sizes.back() == columns);
  if (!row && elements != 1) return std::nullopt;
  std::vector<float> bias = c.constant->Floats();
  if (elements == 1) bias.assign(static_cast<size_t>(columns), bias[0]);
  return bias;
}

Status NeedFloats(Inputs inputs) {
  for (const Value& input : inputs) {
    if (!input.is_integer() || input.absent()) continue;
    return Unsupported(fmt::format("multiplies {} matrices; only float ones are computed with",
                                   ElementTypeName(input.type)));
  }
  return {};
}

}  // namespace

Result<Value> MultiplyWeight(const Value& x, const Value& weight,
                             const std::optional<std::vector<float>>& bias, GraphBuilder& builder) {
  const bool matrix = weight.rank() == 2;
  const bool layer_of_images = matrix && x.rank() == 2 && (x.batched || x.sizes[0] == 1);
  if (!matrix || x.rank() < 1 || x.sizes.back() != weight.sizes[0]) {
    const std::string reason =
        fmt::format("multiplies {} by {}", SizesText(x.sizes), SizesText(weight.sizes));
    if (!layer_of_images) return InvalidArgument(reason);
    builder.Refuse(reason);
  }
  const int64_t outputs = weight.sizes[1];
  if (layer_of_images) {
    SIGNUM_ASSIGN_OR_RETURN(const Value rows, builder.Batched(x));
    SIGNUM_ASSIGN_OR_RETURN(const Value transposed,
                            TransposedConstant(weight, {1, 0}, builder.budget()));
    SIGNUM_ASSIGN_OR_RETURN(LayerWeight layer, MakeLayerWeight(transposed, builder));
    LinearOp op{.output_features = outputs, .bias = bias.has_value()};
    op.weight_quantizer = layer.quantizer;
    GraphBuilder::Parameters parameters;
    parameters.emplace("weight", std::move(layer.weight));
    if (layer.scale) parameters.emplace("weight_scale", *std::move(layer.scale));
    if (bias) parameters.emplace("bias", Tensor({outputs}, *bias));
    return builder.Emit(std::move(op), {rows}, std::move(parameters));
  }
  SIGNUM_ASSIGN_OR_RETURN(const Value product, Multiply(x, weight, builder));
  if (!bias) return product;
  SIGNUM_ASSIGN_OR_RETURN(
      const auto terms,
      builder.Aligned({product, Value::Of(Constant::OfFloats({outputs}, *bias))}));
  return builder.Emit(AddOp{}, terms, {}, "bias");
}

Outputs ImportMatMul(const OnnxNode&, Inputs inputs, GraphBuilder& builder) {
  SIGNUM_RETURN_IF_ERROR(NeedFloats(inputs));
  Value a = inputs[0], b = inputs[1];
  if (a.rank() < 2 || b.rank() < 2) return Unsupported("multiplies a vector");
  if (b.is_constant() && b.rank() == 2) {
    SIGNUM_ASSIGN_OR_RETURN(Value product, MultiplyWeight(a, b, std::nullopt, builder));
    return std::vector<Value>{std::move(product)};
  }
  SIGNUM_ASSIGN_OR_RETURN(Value product, Multiply(a, b, builder));
  return std::vector<Value>{std::move(product)};
}

Outputs ImportGemm(const OnnxNode& node, Inputs inputs, GraphBuilder& builder) {
  if (node.opset() < 7) node.Ignore("broadcast");  // what newer ones always do
  SIGNUM_ASSIGN_OR_RETURN(const float alpha, node.Float("alpha", 1.0f));
  SIGNUM_ASSIGN_OR_RETURN(const float beta, node.Float("beta", 1.0f));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t transpose_a, node.Int("transA", 0));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t transpose_b, node.Int("transB", 0));
  SIGNUM_RETURN_IF_ERROR(NeedFloats(inputs));
  Value a = inputs[0], b = inputs[1], c = InputOr(inputs, 2);
  if (a.rank() != 2 || b.rank() != 2) return InvalidArgument("its operands are no matrices");
  if (transpose_a != 0) {
    SIGNUM_ASSIGN_OR_RETURN(a, Transposed(a, builder));
  }
  if (transpose_b != 0) {
    SIGNUM_ASSIGN_OR_RETURN(b, Transposed(b, builder));
  }
  if (!c.absent()) {
    SIGNUM_ASSIGN_OR_RETURN(c, Scaled(c, beta, builder, "beta"));
  }
  const std::optional<std::vector<float>> bias = ColumnBias(c, b.sizes[1]);
  SIGNUM_ASSIGN_OR_RETURN(b, Scaled(b, alpha, builder, "alpha"));
  Result<Value> product = b.is_constant() && !a.is_constant() ? MultiplyWeight(a, b, bias, builder)
                                                              : Multiply(a, b, builder);
  if (!product) return tl::unexpected(std::move(product).error());
  const bool added = bias && b.is_constant() && !a.is_constant();
  if (!c.absent() && !added) {
    SIGNUM_ASSIGN_OR_RETURN(const auto terms, builder.Aligned({*product, c}));
    SIGNUM_ASSIGN_OR_RETURN(*product, builder.Emit(AddOp{}, terms, {}, "bias"));
  }
  return std::vector<Value>{*std::move(product)};
}

}  // namespace signum::onnx
