#include "onnx/recognize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/check.h"

namespace signum::onnx {
namespace {

// Rewrites nodes in place, in order: whoever reads a node sees what it has become. Nodes
// that nobody reads any more stay.
class Recognizer {
 public:
  explicit Recognizer(const Graph& graph) : graph_(graph), readers_(graph.size()) {
    auto shapes = InferShapes(graph);
    SIGNUM_CHECK(shapes.has_value());
    shapes_ = *std::move(shapes);
    for (const Node& node : graph.nodes()) {
      for (const NodeId input : node.inputs) ++readers_[input];
    }
  }

  Graph Run() {
    for (NodeId id = 1; id < graph_.size(); ++id) {
      RecognizeSign(id);
      RecognizeShift(id);
      RecognizeScale(id);
      RecognizeNormalization(id);
      RecognizeSwish(id);
      RecognizePadding(id);
    }
    return std::move(graph_);
  }

 private:
  template <typename T>
  const T* Get(NodeId id) const {
    return std::get_if<T>(&graph_.node(id).op);
  }

  bool IsActivation(NodeId id, ActivationKind kind) const {
    const auto* activation = Get<ActivationOp>(id);
    return activation != nullptr && activation->kind == kind;
  }

  bool IsOneBit(NodeId id) const {
    const auto* quantize = Get<QuantizeOp>(id);
    return quantize != nullptr && quantize->bits == 1;
  }

  float ScaleOf(NodeId id) const { return graph_.node(id).Find("scale")->floats()[0]; }

  std::optional<float> Scalar(NodeId id) const {
    if (Get<ConstantOp>(id) == nullptr) return std::nullopt;
    const Tensor& value = *graph_.node(id).Find("value");
    if (value.elements() != 1) return std::nullopt;
    return value.floats()[0];
  }

  // Of a node of two inputs in any order: the constant one, and the other, if that has
  // the node's shape.
  struct ScalarOperand {
    NodeId x = 0;
    float number = 0;
  };
  std::optional<ScalarOperand> WithScalar(NodeId id) const {
    const std::vector<NodeId>& inputs = graph_.node(id).inputs;
    for (int i = 0; i < 2; ++i) {
      const std::optional<float> number = Scalar(inputs[i]);
      const NodeId x = inputs[1 - i];
      if (number && shapes_[x] == shapes_[id]) return ScalarOperand{x, *number};
    }
    return std::nullopt;
  }

  // A constant's number for each channel (axis 1) of a value of the shape, if it differs
  // along no other axis.
  std::optional<std::vector<float>> PerChannel(NodeId id, const Shape& shape) const {
    if (Get<ConstantOp>(id) == nullptr || shape.rank() < 2) return std::nullopt;
    const Tensor& value = *graph_.node(id).Find("value");
    const auto numbers = value.floats();
    const bool channels = value.shape().rank() == shape.rank() && value.shape()[1] == shape[1] &&
                          value.elements() == shape[1];
    if (channels) return std::vector<float>(numbers.begin(), numbers.end());
    if (value.elements() != 1) return std::nullopt;
    return std::vector<float>(static_cast<size_t>(shape[1]), numbers[0]);
  }

  void RecognizeSign(NodeId id) {
    if (!IsActivation(id, ActivationKind::kSign)) return;
    const NodeId raised = graph_.node(id).inputs[0];
    if (Get<AddOp>(raised) == nullptr) return;
    const auto operand = WithScalar(raised);
    if (!operand || operand->number != 0.5f) return;
    if (!IsActivation(operand->x, ActivationKind::kSign)) return;
    Node& node = graph_.node(id);
    node.op = QuantizeOp{.bits = 1};
    node.inputs = graph_.node(operand->x).inputs;
    node.parameters.emplace("scale", Tensor::Filled({1}, 1.0f));
  }

  void RecognizeShift(NodeId id) {
    if (!IsOneBit(id) || graph_.node(id).Find("shift") != nullptr) return;
    const NodeId difference = graph_.node(id).inputs[0];
    if (Get<SubtractOp>(difference) == nullptr) return;
    const std::vector<NodeId> operands = graph_.node(difference).inputs;
    const auto shift = PerChannel(operands[1], shapes_[id]);
    if (!shift || shapes_[operands[0]] != shapes_[id]) return;
    Node& node = graph_.node(id);
    node.inputs = {operands[0]};
    node.parameters.emplace("shift", Tensor({shapes_[id][1]}, *shift));
  }

  void RecognizeScale(NodeId id) {
    if (Get<MultiplyOp>(id) == nullptr) return;
    const auto operand = WithScalar(id);
    if (!operand || !(operand->number > 0) || !IsOneBit(operand->x)) return;
    if (readers_[operand->x] != 1) return;
    const float scale = ScaleOf(operand->x) * operand->number;
    if (!(scale > 0) || !std::isfinite(scale)) return;
    Node& node = graph_.node(id);
    node.op = QuantizeOp{.bits = 1};
    node.parameters = graph_.node(operand->x).parameters;
    node.parameters.insert_or_assign("scale", Tensor::Filled({1}, scale));
    node.inputs = graph_.node(operand->x).inputs;
  }

  void RecognizeNormalization(NodeId id) {
    if (Get<DivideOp>(id) == nullptr || shapes_[id].rank() != 4) return;
    const NodeId difference = graph_.node(id).inputs[0];
    if (Get<SubtractOp>(difference) == nullptr || graph_.node(difference).inputs[0] != 0) return;
    if (shapes_[id] != shapes_[0]) return;
    const auto mean = PerChannel(graph_.node(difference).inputs[1], shapes_[id]);
    const auto deviation = PerChannel(graph_.node(id).inputs[1], shapes_[id]);
    if (!mean || !deviation) return;
    if (!std::all_of(deviation->begin(), deviation->end(), [](float x) { return x > 0; })) return;
    Node& node = graph_.node(id);
    node.op = NormalizeOp{.mean = *mean, .deviation = *deviation};
    node.inputs = {0};
  }

  void RecognizeSwish(NodeId id) {
    if (Get<MultiplyOp>(id) == nullptr) return;
    const std::vector<NodeId> operands = graph_.node(id).inputs;
    for (int i = 0; i < 2; ++i) {
      const NodeId x = operands[i], sigmoid = operands[1 - i];
      if (!IsActivation(sigmoid, ActivationKind::kSigmoid)) continue;
      if (graph_.node(sigmoid).inputs[0] != x) continue;
      graph_.node(id).op = ActivationOp{ActivationKind::kSwish};
      graph_.node(id).inputs = {x};
      return;
    }
  }

  void RecognizePadding(NodeId id) {
    const auto* convolution = Get<ConvolutionOp>(id);
    if (convolution == nullptr || convolution->pad_code != 0) return;
    const NodeId padded = graph_.node(id).inputs[0];
    const auto* pad = Get<PadOp>(padded);
    if (pad == nullptr) return;
    const NodeId x = graph_.node(padded).inputs[0];
    ConvolutionOp op = *convolution;
    if (pad->value != 0) {
      const bool signs = IsOneBit(x) && std::abs(pad->value) == ScaleOf(x);
      if (!signs || op.window.padding != Padding{}) return;
      op.pad_code = pad->value > 0 ? 1 : -1;
    }
    if (!AddPadding(*pad, op.window.padding)) return;
    graph_.node(id).op = std::move(op);
    graph_.node(id).inputs = {x};
  }

  // Adds what is put around height and width, if that is all.
  static bool AddPadding(const PadOp& pad, Padding& padding) {
    constexpr int64_t kMost = std::numeric_limits<int16_t>::max();
    for (const auto* sides : {&pad.before, &pad.after}) {
      if ((*sides)[0] != 0 || (*sides)[1] != 0) return false;
      for (const int64_t side : {(*sides)[2], (*sides)[3]}) {
        if (side < 0 || side > kMost) return false;
      }
    }
    padding.top += static_cast<int>(pad.before[2]);
    padding.left += static_cast<int>(pad.before[3]);
    padding.bottom += static_cast<int>(pad.after[2]);
    padding.right += static_cast<int>(pad.after[3]);
    return std::max({padding.top, padding.left, padding.bottom, padding.right}) <= kMost;
  }

  Graph graph_;
  std::vector<Shape> shapes_;
  std::vector<int> readers_;
};

}  // namespace

Graph WithoutUnread(const Graph& graph, NodeId output) {
  std::vector<bool> needed(static_cast<size_t>(output) + 1);
  needed[0] = needed[output] = true;
  for (NodeId id = output; id > 0; --id) {
    if (!needed[id]) continue;
    for (const NodeId input : graph.node(id).inputs) needed[input] = true;
  }
  Graph result = graph.EmptyLike();
  std::vector<NodeId> moved(needed.size());
  for (NodeId id = 0; id <= output; ++id) {
    if (!needed[id]) continue;
    Node node = graph.node(id);
    for (NodeId& input : node.inputs) input = moved[input];
    moved[id] = result.Add(std::move(node.name), std::move(node.op), std::move(node.inputs),
                           std::move(node.parameters));
  }
  return result;
}

Graph RecognizePatterns(const Graph& graph) {
  const Graph recognized = Recognizer(graph).Run();
  return WithoutUnread(recognized, recognized.output());
}

}  // namespace signum::onnx
