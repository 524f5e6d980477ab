// The steps of nodes that are in no chain. EmitNode is longer than other functions, for
// it has a line or two for each operator.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "runtime/bilinear_step.h"
#include "runtime/compiler.h"
#include "runtime/float_steps.h"
#include "runtime/move_steps.h"
#include "runtime/pool_steps.h"
#include "runtime/strided_steps.h"

namespace signum::runtime {

Value Compiler::AsFloats(NodeId id) {
  if (!values_[id].encoding.codes) return values_[id];
  if (!float_values_[id]) {
    const Value input = Use(values_[id]);
    const Value output = NewValue(input.shape);
    StepReport report = ReportOf(id, output);
    report.ops = "Dequantize";
    Emit(MakeDequantizeStep(input, output), std::move(report));
    float_values_[id] = output;
  }
  return *float_values_[id];
}

template <typename Make>
void Compiler::EmitFloats(NodeId id, const Make& make) {
  const Value input = Use(AsFloats(graph_.node(id).inputs[0]));
  const Value output = NewValue(shapes_[id]);
  values_[id] = output;
  Emit(make(input, output), ReportOf(id, output));
}

Status Compiler::EmitNode(NodeId id) {
  const Node& node = graph_.node(id);
  return std::visit(
      Overloaded{
          [&](const ActivationOp& op) -> Status {
            EmitFloats(id, [&](const Value& in, const Value& out) {
              return MakeActivationStep(op.kind, in, out);
            });
            return {};
          },
          [&](const PReluOp&) -> Status {
            const auto slopes = node.Find("weight")->floats();
            EmitFloats(id, [&](const Value& in, const Value& out) {
              return MakePReluStep({slopes.begin(), slopes.end()}, in, out);
            });
            return {};
          },
          [&](const SoftmaxOp& op) -> Status {
            EmitFloats(id, [&](const Value& in, const Value& out) {
              return MakeSoftmaxStep(op.axis, in, out);
            });
            return {};
          },
          [&](const MaxPoolOp& op) -> Status { return EmitMaxPool(id, op), Status(); },
          [&](const AveragePoolOp& op) -> Status { return EmitAveragePool(id, op), Status(); },
          [&](const GlobalAveragePoolOp&) -> Status {
            const Value& in = values_[node.inputs[0]];
            AveragePoolOp whole;
            whole.window.kernel = {static_cast<int>(in.height()), static_cast<int>(in.width())};
            return EmitAveragePool(id, whole), Status();
          },
          [&](const ClampOp& op) -> Status {
            EmitFloats(
                id, [&](const Value& in, const Value& out) { return MakeClampStep(op, in, out); });
            return {};
          },
          [&](const ReduceMeanOp& op) -> Status {
            EmitFloats(id, [&](const Value& in, const Value& out) {
              return MakeReduceMeanStep(op, in, out);
            });
            return {};
          },
          [&](const ConvTransposeOp& op) -> Status { return EmitConvTranspose(id, op), Status(); },
          [&](const ConstantOp&) -> Status { return EmitConstant(id), Status(); },
          [&](const TransposeOp& op) -> Status { return EmitTranspose(id, op), Status(); },
          [&](const AddOp&) { return EmitBinary(id, BinaryKind::kAdd); },
          [&](const SubtractOp&) { return EmitBinary(id, BinaryKind::kSubtract); },
          [&](const MultiplyOp&) { return EmitBinary(id, BinaryKind::kMultiply); },
          [&](const DivideOp&) { return EmitBinary(id, BinaryKind::kDivide); },
          [&](const MatMulOp&) -> Status { return EmitMatMul(id), Status(); },
          [&](const ConcatOp& op) -> Status { return EmitConcat(id, op), Status(); },
          [&](const PadOp& op) -> Status { return EmitPad(id, op), Status(); },
          [&](const UpsampleOp& op) -> Status { return EmitUpsample(id, op), Status(); },
          [&](const FlattenOp&) -> Status { return EmitReshape(id), Status(); },
          [&](const ReshapeOp&) -> Status { return EmitReshape(id), Status(); },
          [&](const DropoutOp&) -> Status {
            values_[id] = values_[node.inputs[0]];
            float_values_[id] = float_values_[node.inputs[0]];
            return {};
          },
          [&](const NormalizeOp&) -> Status { return EmitAffine(id), Status(); },
          [&](const BatchNormOp&) -> Status { return EmitAffine(id), Status(); },
          [&](const QuantizeOp&) -> Status { return EmitAffine(id), Status(); },
          // These head a chain, always.
          [](const InputOp&) -> Status { SIGNUM_CHECK(false); },
          [](const ConvolutionOp&) -> Status { SIGNUM_CHECK(false); },
          [](const LinearOp&) -> Status { SIGNUM_CHECK(false); },
      },
      node.op);
}

void Compiler::EmitMaxPool(NodeId id, const MaxPoolOp& op) {
  const Value input = Use(values_[graph_.node(id).inputs[0]]);
  values_[id] = NewValue(shapes_[id], input.encoding, layouts_[id]);
  auto pool = kernels::SelectMaxPool(program_->isa_);
  StepReport report = ReportOf(id, values_[id]);
  report.kernel = pool.kernel->name;
  report.refused = std::move(pool.refused);
  Emit(MakeMaxPoolStep(op.window, input, values_[id], *pool.kernel), std::move(report));
}

void Compiler::EmitAveragePool(NodeId id, const AveragePoolOp& op) {
  const Value input = Use(values_[graph_.node(id).inputs[0]]);
  values_[id] = NewValue(shapes_[id]);
  Emit(MakeAveragePoolStep(op, input, values_[id]), ReportOf(id, values_[id]));
}

// What is left: stages whose channels are not stored last.
void Compiler::EmitAffine(NodeId id) {
  const Node& node = graph_.node(id);
  const int64_t channels = shapes_[id][1];
  FinishSpec spec;
  spec.multiplier.assign(channels, 1.0);
  spec.bias.assign(channels, 0.0);
  if (const Tensor* shift = node.Find("shift")) {
    // x >= shift is x - shift >= 0, also in floats.
    for (int64_t c = 0; c < channels; ++c) spec.bias[c] = -double{shift->floats()[c]};
  } else {
    ApplyAffine(node, channels, spec);
  }
  EmitFloats(id, [&](const Value& in, const Value& out) {
    return MakeAffineStep({spec.multiplier.begin(), spec.multiplier.end()},
                          {spec.bias.begin(), spec.bias.end()}, in, out);
  });
  if (node.Find("shift") == nullptr) return;
  Chain sign;
  sign.head = id;
  sign.codes_node = id;
  EmitStage(sign, values_[id]);
}

Value Compiler::Transposed(NodeId id, const Value& value, int64_t rows, int64_t columns,
                           const Shape& shape) {
  const Value input = Use(value);
  const Value output = NewValue(shape, input.encoding);
  Emit(MakeTransposeStep(rows, columns, input, output), ReportOf(id, output));
  return output;
}

void Compiler::EmitReshape(NodeId id) {
  Value value = values_[graph_.node(id).inputs[0]];
  if (std::holds_alternative<FlattenOp>(graph_.node(id).op) &&
      IsFlattenOfWindows(graph_, id, kept_)) {
    values_[id] = value;
    float_values_[id] = float_values_[graph_.node(id).inputs[0]];
    return;
  }
  // Through the IR's row-major order, which maps are not stored in.
  if (!IsRowMajor(value.shape)) {
    const Shape flat{1, value.elements()};
    value = Transposed(id, value, value.height() * value.width(), value.channels(), flat);
  }
  const Shape& shape = shapes_[id];
  if (!IsRowMajor(shape)) {
    value = Transposed(id, value, shape[1], shape[2] * shape[3], shape);
  }
  value.shape = shape;
  values_[id] = value;
}

void Compiler::EmitConcat(NodeId id, const ConcatOp& op) {
  const std::vector<NodeId>& inputs = graph_.node(id).inputs;
  const Encoding encoding = values_[inputs[0]].encoding;
  const bool same = std::all_of(inputs.begin(), inputs.end(),
                                [&](NodeId input) { return values_[input].encoding == encoding; });
  std::vector<Value> values;
  for (NodeId input : inputs) values.push_back(same ? values_[input] : AsFloats(input));
  for (const Value& value : values) Use(value);
  values_[id] = NewValue(shapes_[id], same ? encoding : Encoding{});
  Emit(MakeConcatStep(op.axis, std::move(values), values_[id]), ReportOf(id, values_[id]));
}

void Compiler::EmitPad(NodeId id, const PadOp& op) {
  const NodeId source = graph_.node(id).inputs[0];
  const Value input = Use(op.value == 0.0f ? values_[source] : AsFloats(source));
  values_[id] = NewValue(shapes_[id], input.encoding);
  Emit(MakePadStep(op, input, values_[id]), ReportOf(id, values_[id]));
}

void Compiler::EmitUpsample(NodeId id, const UpsampleOp& op) {
  const Value input = Use(values_[graph_.node(id).inputs[0]]);
  if (op.mode == UpsampleMode::kNearest) {
    values_[id] = NewValue(shapes_[id], input.encoding);
    Emit(MakeNearestStep(op.scale, input, values_[id]), ReportOf(id, values_[id]));
    return;
  }
  values_[id] = NewValue(shapes_[id]);
  auto bilinear = kernels::SelectBilinear(program_->isa_);
  StepReport report = ReportOf(id, values_[id]);
  report.kernel = bilinear.kernel->name;
  report.refused = std::move(bilinear.refused);
  Emit(MakeBilinearStep(op.scale, input, values_[id], *bilinear.kernel), std::move(report));
}

Status Compiler::EmitBinary(NodeId id, BinaryKind kind) {
  const Node& node = graph_.node(id);
  if (shapes_[node.inputs[0]].rank() != shapes_[node.inputs[1]].rank()) {
    return Unsupported("its operands have shapes " + shapes_[node.inputs[0]].ToString() + " and " +
                       shapes_[node.inputs[1]].ToString() + "; give both the same number of axes");
  }
  const Value a = AsFloats(node.inputs[0]);
  const Value b = AsFloats(node.inputs[1]);
  Use(a);
  Use(b);
  values_[id] = NewValue(shapes_[id]);
  Emit(MakeBinaryStep(kind, a, b, values_[id]), ReportOf(id, values_[id]));
  return {};
}

void Compiler::EmitMatMul(NodeId id) {
  const std::vector<NodeId>& inputs = graph_.node(id).inputs;
  const Value a = AsFloats(inputs[0]);
  const Value b = AsFloats(inputs[1]);
  Use(a);
  Use(b);
  values_[id] = NewValue(shapes_[id]);
  StepReport report = ReportOf(id, values_[id]);
  report.macs = shapes_[id].elements() * a.shape[a.shape.rank() - 1];
  Emit(MakeMatMulStep(a, b, values_[id]), std::move(report));
}

void Compiler::EmitConstant(NodeId id) {
  values_[id] = NewValue(shapes_[id]);
  Emit(MakeConstantStep(*graph_.node(id).Find("value"), values_[id]), ReportOf(id, values_[id]));
}

void Compiler::EmitTranspose(NodeId id, const TransposeOp& op) {
  const Value input = Use(values_[graph_.node(id).inputs[0]]);
  values_[id] = NewValue(shapes_[id], input.encoding);
  Emit(MakePermuteStep(op, input, values_[id]), ReportOf(id, values_[id]));
}

void Compiler::EmitConvTranspose(NodeId id, const ConvTransposeOp& op) {
  const Node& node = graph_.node(id);
  const Value input = Use(AsFloats(node.inputs[0]));
  values_[id] = NewValue(shapes_[id]);
  const Tensor& weight = *node.Find("weight");
  const Tensor* bias = node.Find("bias");
  StepReport report = ReportOf(id, values_[id]);
  report.macs = input.height() * input.width() * weight.elements();
  Emit(MakeConvTransposeStep(op, weight.floats(),
                             bias == nullptr ? std::span<const float>() : bias->floats(), input,
                             values_[id]),
       std::move(report));
}

}  // namespace signum::runtime
