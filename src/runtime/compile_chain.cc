// The steps of chains: what is folded into the finish of a layer, and with which
// arithmetic the layer itself runs.
#include <cmath>
#include <utility>

#include "base/check.h"
#include "graph/parameters.h"
#include "kernels/output_stage/output_stage.h"
#include "runtime/compiler.h"
#include "runtime/stage_step.h"
#include "runtime/weighted_steps.h"

namespace signum::runtime {
namespace {

// A linear layer over a map is a convolution whose window is the map.
ConvolutionGeometry GeometryOf(const Node& node, const Value& in, const Shape& out) {
  ConvolutionGeometry geometry;
  geometry.in_channels = in.map_channels();
  geometry.in_height = in.map_height();
  geometry.in_width = in.map_width();
  geometry.out_channels = out[1];
  geometry.window.kernel = {static_cast<int>(in.map_height()), static_cast<int>(in.map_width())};
  if (const auto* op = std::get_if<ConvolutionOp>(&node.op)) {
    geometry.out_height = out[2];
    geometry.out_width = out[3];
    geometry.window = op->window;
    geometry.groups = op->groups;
  }
  return geometry;
}

// The scale of a weighted node's codes, or 1 for floats, and its bias.
FinishSpec ScaleAndBias(const Node& node, int64_t channels) {
  FinishSpec spec;
  spec.multiplier.assign(channels, 1.0);
  spec.bias.assign(channels, 0.0);
  if (const Tensor* scale = node.Find("weight_scale")) {
    const auto scales = scale->floats();
    for (int64_t c = 0; c < channels; ++c) spec.multiplier[c] = scales[scales.size() == 1 ? 0 : c];
  }
  if (const Tensor* bias = node.Find("bias")) {
    for (int64_t c = 0; c < channels; ++c) spec.bias[c] = bias->floats()[c];
  }
  return spec;
}

int PadCode(const Node& node) {
  const auto* op = std::get_if<ConvolutionOp>(&node.op);
  return op == nullptr ? 0 : op->pad_code;
}

}  // namespace

void Compiler::ApplyAffine(const Node& node, int64_t channels, FinishSpec& spec) const {
  std::vector<double> factor(channels), term(channels);
  if (const auto* normalize = std::get_if<NormalizeOp>(&node.op)) {
    for (int64_t c = 0; c < channels; ++c) {
      factor[c] = 1.0 / normalize->deviation[c];
      term[c] = -normalize->mean[c] * factor[c];
    }
  } else {
    ChannelAffine affine = BatchNormAffine(node);
    factor = std::move(affine.factor);
    term = std::move(affine.term);
  }
  for (size_t i = 0; i < spec.multiplier.size(); ++i) {
    const int64_t c = static_cast<int64_t>(i) % channels;
    spec.multiplier[i] *= factor[c];
    spec.bias[i] = spec.bias[i] * factor[c] + term[c];
  }
}

void Compiler::Complete(const Chain& chain, int64_t row_length, int64_t channels,
                        FinishSpec& spec) {
  SIGNUM_CHECK(static_cast<int64_t>(spec.multiplier.size()) == row_length);
  for (NodeId id : chain.nodes) {
    const Node& node = graph_.node(id);
    const auto* activation = std::get_if<ActivationOp>(&node.op);
    if (std::holds_alternative<BatchNormOp>(node.op)) {
      ApplyAffine(node, channels, spec);
    } else if (std::holds_alternative<NormalizeOp>(node.op)) {
      // The input step normalizes by itself, as the trainer does.
      if (chain.head != 0) ApplyAffine(node, channels, spec);
    } else if (activation != nullptr && IsClamp(node.op)) {
      spec.low = activation->kind == ActivationKind::kHardTanh ? -1.0 : 0.0;
      if (activation->kind == ActivationKind::kRelu6) spec.high = 6.0;
      if (activation->kind == ActivationKind::kHardTanh) spec.high = 1.0;
    } else if (std::holds_alternative<PReluOp>(node.op)) {
      const auto slopes = node.Find("weight")->floats();
      for (int64_t i = 0; i < row_length; ++i) {
        spec.slope.push_back(slopes[slopes.size() == 1 ? 0 : i % channels]);
      }
    } else if (id == chain.signs_node) {
      continue;  // below, when there are codes
    } else if (const Tensor* shift = node.Find("shift")) {
      for (int64_t i = 0; i < row_length; ++i) spec.shift.push_back(shift->floats()[i % channels]);
    }
  }
  if (chain.residual) spec.residual = Use(values_[*chain.residual]);
  const Shape& shape = shapes_[chain.codes_node ? *chain.codes_node : *chain.float_node];
  if (chain.float_node) {
    spec.float_output = NewValue(shape);
    values_[*chain.float_node] = *spec.float_output;
  }
  if (chain.codes_node) {
    spec.codes_output =
        NewValue(shape, EncodingOf(graph_.node(*chain.codes_node)), layouts_[*chain.codes_node]);
    values_[*chain.codes_node] = *spec.codes_output;
  }
  if (chain.signs_node) {
    spec.signs = NewSigns(*chain.signs_node, *spec.codes_output, row_length, channels);
  }
}

SignsSpec Compiler::NewSigns(NodeId id, const Value& codes, int64_t row_length, int64_t channels) {
  const Node& node = graph_.node(id);
  SignsSpec signs{.codes = codes, .output = NewValue(shapes_[id], EncodingOf(node), layouts_[id])};
  values_[id] = signs.output;
  auto selection = kernels::SelectCodeSigns(program_->isa_);
  signs.kernel = selection.kernel;
  signs.refused = std::move(selection.refused);
  if (const Tensor* shift = node.Find("shift")) {
    for (int64_t i = 0; i < row_length; ++i) signs.shift.push_back(shift->floats()[i % channels]);
  }
  return signs;
}

void Compiler::ReportSigns(const FinishSpec& spec, StepReport& report) const {
  if (!spec.signs) return;
  report.kernel += ", ";
  report.kernel += spec.signs->kernel->name;
  const auto& refused = spec.signs->refused;
  report.refused.insert(report.refused.end(), refused.begin(), refused.end());
}

Status Compiler::EmitChain(const Chain& chain) {
  const Node& head = graph_.node(chain.head);
  if (chain.head == 0) {
    EmitInput(chain);
  } else if (std::holds_alternative<ConvolutionOp>(head.op) ||
             std::holds_alternative<LinearOp>(head.op)) {
    EmitWeighted(chain);
  } else {
    EmitStage(chain, values_[head.inputs[0]]);
  }
  return {};
}

void Compiler::EmitInput(const Chain& chain) {
  const int64_t row_length = InputRowLength(shapes_[0]);
  FinishSpec spec;
  spec.multiplier.assign(row_length, 1.0);
  spec.bias.assign(row_length, 0.0);
  Complete(chain, row_length, shapes_[0].rank() >= 2 ? shapes_[0][1] : 1, spec);
  std::vector<float> mean, deviation;
  for (NodeId id : chain.nodes) {
    if (const auto* normalize = std::get_if<NormalizeOp>(&graph_.node(id).op)) {
      mean = normalize->mean;
      deviation = normalize->deviation;
    }
  }
  const auto stage = kernels::SelectOutputStage(program_->isa_);
  StepReport report = ReportOf(chain, spec);
  report.kernel = stage.kernel->name;
  report.refused = stage.refused;
  Emit(MakeInputStep(shapes_[0], std::move(mean), std::move(deviation), Finish(spec, stage.kernel)),
       std::move(report));
}

void Compiler::EmitStage(const Chain& chain, const Value& source) {
  const auto* quantize = std::get_if<QuantizeOp>(&graph_.node(chain.head).op);
  if (quantize != nullptr && quantize->bits == 1 && source.encoding.codes &&
      source.encoding.bits > 1) {
    return EmitSigns(chain, source);
  }
  const Value input = Use(source);
  // Rows of several pixels need dense values.
  const bool dense = (!chain.codes_node || IsDense(layouts_[*chain.codes_node])) &&
                     (!chain.signs_node || IsDense(layouts_[*chain.signs_node])) &&
                     (!chain.residual || values_[*chain.residual].is_dense());
  const int64_t row_length = dense ? StageRowLength(input.shape) : input.map_channels();
  FinishSpec spec;
  // Codes come as code - zero_point.
  spec.multiplier.assign(row_length, input.encoding.codes ? input.encoding.scale : 1.0);
  spec.bias.assign(row_length, 0.0);
  const std::vector<int64_t> sizes = StoredSizes(input.shape);
  Complete(chain, row_length, sizes.empty() ? 1 : sizes.back(), spec);
  const auto stage = kernels::SelectOutputStage(program_->isa_);
  StepReport report = ReportOf(chain, spec);
  report.kernel = stage.kernel->name;
  report.refused = stage.refused;
  ReportSigns(spec, report);
  Emit(MakeStageStep(input, Finish(spec, stage.kernel)), std::move(report));
}

void Compiler::EmitSigns(const Chain& chain, const Value& source) {
  const Value input = Use(source);
  const int64_t channels = input.map_channels();
  const SignsSpec spec = NewSigns(chain.head, input, channels, channels);
  StepReport report = ReportOf(chain, spec.output);
  report.kernel = spec.kernel->name;
  report.refused = spec.refused;
  Emit(MakeSignsStep(input, Signs(spec, channels)), std::move(report));
}

const Tactic* Compiler::ChooseTactic(const std::string& layer,
                                     const std::vector<Tactic>& tactics) const {
  if (tactics.empty()) return nullptr;
  if (const auto found = options_.tactics.find(layer); found != options_.tactics.end()) {
    for (const Tactic& tactic : tactics) {
      if (NameOf(tactic) == found->second) return &tactic;
    }
  }
  return &tactics[0];
}

Value Compiler::AsPlanes(NodeId id) {
  for (const auto& [codes, planes] : planes_values_) {
    if (codes.storage == values_[id].storage && codes.shape == values_[id].shape) return planes;
  }
  const Value codes = Use(values_[id]);
  Value planes = NewValue(codes.shape, codes.encoding, {.ring = codes.ring, .bits = true});
  planes.ring_code = codes.ring_code;
  const auto selection = kernels::SelectCodePlanes(program_->isa_);
  StepReport report = ReportOf(id, planes);
  report.name += ".planes";
  report.ops = "BitPlanes";
  report.kernel = selection.kernel->name;
  report.refused = selection.refused;
  Emit(MakePlanesStep(codes, planes, *selection.kernel), std::move(report));
  planes_values_.emplace_back(codes, planes);
  return planes;
}

void Compiler::EmitWeighted(const Chain& chain) {
  const Node& head = graph_.node(chain.head);
  const Tensor& weight = *head.Find("weight");
  const bool weight_codes = weight.type() == DataType::kInt8;
  const bool quantized = weight_codes && values_[head.inputs[0]].encoding.codes;
  const float pad_scale = values_[head.inputs[0]].encoding.scale;
  const Value source = quantized ? values_[head.inputs[0]] : AsFloats(head.inputs[0]);
  const ConvolutionGeometry geometry = GeometryOf(head, source, shapes_[chain.head]);
  std::vector<kernels::Refusal> refused;
  std::vector<Tactic> tactics;
  if (quantized && !IsDepthwise(geometry)) {
    const int pad = source.encoding.zero_point + PadCode(head);
    tactics = FindTactics(geometry, source, WeightQuantizerOf(head.op)->bits, pad, program_->isa_,
                          refused);
  }
  const Tactic* tactic = ChooseTactic(head.name, tactics);
  const bool planes = tactic != nullptr && tactic->makes_planes;
  const Value input = Use(planes ? AsPlanes(head.inputs[0]) : source);
  const int64_t channels = geometry.out_channels;

  FinishSpec spec = ScaleAndBias(head, channels);
  if (quantized) {
    for (double& multiplier : spec.multiplier)
      multiplier = double{input.encoding.scale} * multiplier;
  } else {
    spec.multiplier.assign(channels, 1.0);
  }
  Complete(chain, channels, channels, spec);

  WeightedStep made;
  if (quantized) {
    made = MakeQuantizedStep(geometry, input, weight.codes(), PadCode(head), spec, program_->isa_,
                             tactic);
    made.refused.insert(made.refused.begin(), refused.begin(), refused.end());
  } else {
    const float pad = pad_scale * static_cast<float>(PadCode(head));
    made = MakeFloatStep(geometry, input, FloatWeight(head).floats(), pad, spec, program_->isa_);
    made.refused.push_back(
        {"gemm_b1w1, gemm_u8w1, gemm_u8s8",
         weight_codes ? "the input is not quantized" : "the weights are not quantized"});
  }
  const int weight_bits = weight_codes ? WeightQuantizerOf(head.op)->bits : 32;
  program_->least_weight_bytes_ += (weight.elements() * weight_bits + 7) / 8;
  if (spent_ != nullptr) spent_->node(chain.head).parameters.erase("weight");
  StepReport report = ReportOf(chain, spec);
  report.kernel = std::move(made.kernel);
  report.refused = std::move(made.refused);
  ReportSigns(spec, report);
  report.arithmetic = made.arithmetic;
  report.macs = shapes_[chain.head].elements() * geometry.depth();
  report.weight_bytes = made.weight_bytes;
  if (planes) report.planes_step = program_->storages_[input.storage].first_step;
  report.planes = input.planes();
  if (tactic != nullptr) report.tactic = *tactic;
  report.tactics = std::move(tactics);
  report.map_bytes = input.image_bytes();
  for (const auto& value : {spec.residual, spec.float_output, spec.codes_output}) {
    if (value) report.map_bytes += value->image_bytes();
  }
  if (spec.signs) report.map_bytes += spec.signs->output.image_bytes();
  program_->weight_bytes_ += made.weight_bytes;
  Emit(std::move(made.step), std::move(report));
}

}  // namespace signum::runtime
