#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "graph/graph.h"
#include "graph/weight_codes.h"

namespace signum {
namespace {

// What a node's parameter must look like.
struct Expected {
  const char* role;
  Shape shape;
  bool positive = false;  // every element above 0
  bool optional = false;
  bool may_be_one = false;  // {1} is accepted in place of `shape`
  bool may_be_codes = false;
};

Status CheckParameter(const Node& node, const Expected& expected) {
  const Tensor* tensor = node.Find(expected.role);
  if (tensor == nullptr) {
    if (expected.optional) return {};
    return InvalidArgument(fmt::format("has no parameter '{}'", expected.role));
  }
  const bool fits =
      tensor->shape() == expected.shape || (expected.may_be_one && tensor->shape() == Shape{1});
  if (!fits) {
    return InvalidArgument(fmt::format("parameter '{}' has shape {}, needs {}", expected.role,
                                       tensor->shape().ToString(), expected.shape.ToString()));
  }
  if (tensor->type() != DataType::kFloat32) {
    if (expected.may_be_codes) return {};
    return InvalidArgument(fmt::format("parameter '{}' must be float32", expected.role));
  }
  if (!tensor->has_values()) return {};
  for (float value : tensor->floats()) {
    if (!std::isfinite(value) || (expected.positive && value <= 0)) {
      return InvalidArgument(fmt::format("parameter '{}' holds {}, which is not {}", expected.role,
                                         value, expected.positive ? "above 0" : "finite"));
    }
  }
  return {};
}

Status CheckWeightQuantizer(const Node& node, const std::optional<WeightQuantizer>& quantizer) {
  const Tensor* weight = node.Find("weight");
  const bool codes = weight != nullptr && weight->type() == DataType::kInt8;
  if (!quantizer) {
    if (codes) return InvalidArgument("holds weight codes but has no weight quantizer");
    return {};
  }
  if (quantizer->bits < 1 || quantizer->bits > 8) {
    return InvalidArgument(fmt::format("{} weight bits; 1 to 8 are possible", quantizer->bits));
  }
  if (codes) return CheckWeightCodes(weight->codes(), quantizer->bits);
  return {};
}

// The parameters of a convolution or linear layer with `rows` outputs.
std::vector<Expected> WeightedParameters(const Node& node, Shape weight_shape, bool bias,
                                         const std::optional<WeightQuantizer>& quantizer) {
  const Shape rows{weight_shape[0]};
  std::vector<Expected> expected;
  expected.push_back({.role = "weight", .shape = std::move(weight_shape), .may_be_codes = true});
  if (bias) expected.push_back({.role = "bias", .shape = rows});
  const Tensor* weight = node.Find("weight");
  if (weight != nullptr && weight->type() == DataType::kInt8) {
    const bool per_channel = !quantizer || quantizer->per_channel;
    expected.push_back(
        {.role = "weight_scale", .shape = per_channel ? rows : Shape{1}, .positive = true});
  }
  return expected;
}

std::vector<Expected> ExpectedParameters(const Node& node, const std::vector<Shape>& in) {
  return std::visit(
      Overloaded{
          [&](const ConvolutionOp& op) {
            return WeightedParameters(node,
                                      {op.output_channels, in[0][1] / op.groups,
                                       op.window.kernel[0], op.window.kernel[1]},
                                      op.bias, op.weight_quantizer);
          },
          [&](const LinearOp& op) {
            return WeightedParameters(node, {op.output_features, in[0][1]}, op.bias,
                                      op.weight_quantizer);
          },
          [&](const BatchNormOp&) {
            const Shape channels{in[0][1]};
            return std::vector<Expected>{{.role = "weight", .shape = channels},
                                         {.role = "bias", .shape = channels},
                                         {.role = "running_mean", .shape = channels},
                                         {.role = "running_var", .shape = channels}};
          },
          [](const ConstantOp& op) {
            return std::vector<Expected>{{.role = "value", .shape = op.shape}};
          },
          [&](const ConvTransposeOp& op) {
            std::vector<Expected> expected{{.role = "weight",
                                            .shape = {in[0][1], op.output_channels / op.groups,
                                                      op.window.kernel[0], op.window.kernel[1]}}};
            if (op.bias) expected.push_back({.role = "bias", .shape = {op.output_channels}});
            return expected;
          },
          [&](const PReluOp&) {
            return std::vector<Expected>{
                {.role = "weight", .shape = {in[0][1]}, .may_be_one = true}};
          },
          [&](const QuantizeOp& op) {
            std::vector<Expected> expected{{.role = "scale", .shape = {1}, .positive = true}};
            if (op.bits == 1 && in[0].rank() >= 2) {
              expected.push_back({.role = "shift", .shape = {in[0][1]}, .optional = true});
            }
            return expected;
          },
          [](const auto&) { return std::vector<Expected>{}; },
      },
      node.op);
}

Status CheckPadCode(const Graph& graph, const Node& node, const ConvolutionOp& op) {
  if (op.pad_code == 0) return {};
  const auto* quantize = std::get_if<QuantizeOp>(&graph.node(node.inputs[0]).op);
  if (op.pad_code < -1 || op.pad_code > 1 || quantize == nullptr || quantize->bits != 1) {
    return InvalidArgument(fmt::format(
        "pads with {}; only an input of 1 bit may be padded with -1 or +1", op.pad_code));
  }
  return {};
}

Status CheckAttributes(const Graph& graph, const Node& node) {
  return std::visit(
      Overloaded{
          [&](const ConvolutionOp& op) { return CheckPadCode(graph, node, op); },
          [](const NormalizeOp& op) -> Status {
            for (size_t i = 0; i < op.mean.size(); ++i) {
              if (!std::isfinite(op.mean[i]) || !std::isfinite(op.deviation[i]) ||
                  op.deviation[i] <= 0) {
                return InvalidArgument("means must be finite and deviations above 0");
              }
            }
            return {};
          },
          [](const BatchNormOp& op) -> Status {
            if (std::isfinite(op.epsilon) && op.epsilon > 0 && op.momentum >= 0 &&
                op.momentum <= 1) {
              return {};
            }
            return InvalidArgument("needs an epsilon above 0 and a momentum within [0, 1]");
          },
          [](const ClampOp& op) -> Status {
            if (op.low <= op.high) return {};
            return InvalidArgument(fmt::format("clamps to [{}, {}]", op.low, op.high));
          },
          [](const PadOp& op) -> Status {
            if (std::isfinite(op.value)) return {};
            return InvalidArgument("pads with a value that is not finite");
          },
          [](const DropoutOp& op) -> Status {
            if (op.probability >= 0 && op.probability < 1) return {};
            return InvalidArgument(fmt::format("probability {} is outside [0, 1)", op.probability));
          },
          [](const QuantizeOp& op) -> Status {
            if (op.bits < 1 || op.bits > 8) {
              return InvalidArgument(fmt::format("{} bits; 1 to 8 are possible", op.bits));
            }
            const int highest = op.bits == 1 ? 0 : (1 << op.bits) - 1;
            if (op.zero_point >= 0 && op.zero_point <= highest) return {};
            return InvalidArgument(
                fmt::format("zero-point {} is outside 0 to {}", op.zero_point, highest));
          },
          [](const auto&) -> Status { return {}; },
      },
      node.op);
}

Status VerifyNode(const Graph& graph, const Node& node, const std::vector<Shape>& in) {
  // Roles first: a stray parameter means that somebody misread the operator.
  const std::vector<Expected> expected = ExpectedParameters(node, in);
  for (const auto& [role, tensor] : node.parameters) {
    const bool known = std::any_of(expected.begin(), expected.end(),
                                   [&, &role = role](const Expected& e) { return role == e.role; });
    if (!known) return InvalidArgument(fmt::format("has an unexpected parameter '{}'", role));
  }
  for (const Expected& parameter : expected) {
    SIGNUM_RETURN_IF_ERROR(CheckParameter(node, parameter));
  }
  // Variances are the one parameter that may be 0 but not below.
  if (const Tensor* variance = node.Find("running_var"); variance && variance->has_values()) {
    for (float value : variance->floats()) {
      if (value < 0) return InvalidArgument("has a negative running variance");
    }
  }
  if (const auto* quantizer = WeightQuantizerSlot(node.op)) {
    SIGNUM_RETURN_IF_ERROR(CheckWeightQuantizer(node, *quantizer));
  }
  return CheckAttributes(graph, node);
}

}  // namespace

Status Verify(const Graph& graph) {
  if (graph.size() < 2) return InvalidArgument("the graph has no operator besides its input");
  std::set<std::string> names;
  std::vector<bool> read(graph.size());
  for (const Node& node : graph.nodes()) {
    for (NodeId input : node.inputs) read[input] = true;
  }
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (node.name.empty()) return InvalidArgument(fmt::format("node {} has no name", id));
    if (!names.insert(node.name).second) {
      return InvalidArgument(fmt::format("two nodes are named '{}'", node.name));
    }
    if (std::holds_alternative<InputOp>(node.op) != (id == 0)) {
      return InvalidArgument(
          fmt::format("node '{}': the input, and no other node, must come first", node.name));
    }
    if (id != graph.output() && !read[id]) {
      return InvalidArgument(
          fmt::format("node '{}' ({}): its value is never read", node.name, OpName(node.op)));
    }
  }
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  for (const Node& node : graph.nodes()) {
    std::vector<Shape> in;
    for (NodeId input : node.inputs) in.push_back(shapes[input]);
    if (Status status = VerifyNode(graph, node, in); !status) {
      return tl::unexpected(
          status.error().In(fmt::format("node '{}' ({})", node.name, OpName(node.op))));
    }
  }
  const Shape& output = shapes[graph.output()];
  if (!graph.class_names.empty() &&
      (output.rank() < 2 || static_cast<int64_t>(graph.class_names.size()) != output[1])) {
    return InvalidArgument(fmt::format("{} class names for an output of shape {}",
                                       graph.class_names.size(), output.ToString()));
  }
  return {};
}

}  // namespace signum
