#include "runtime/layout.h"

#include <algorithm>
#include <optional>

namespace signum::runtime {
namespace {

template <typename T>
const T* As(const Node& node) {
  return std::get_if<T>(&node.op);
}

bool IsKept(const std::vector<bool>& kept, NodeId id) { return !kept.empty() && kept[id]; }

class LayoutPlanner {
 public:
  LayoutPlanner(const Graph& graph, const std::vector<Shape>& shapes,
                const std::vector<Chain>& chains, const std::vector<bool>& kept)
      : graph_(graph),
        shapes_(shapes),
        kept_(kept),
        layouts_(graph.size()),
        readers_(graph.size()),
        code_bits_(graph.size()),
        no_bits_(graph.size()),
        chain_of_(graph.size()) {
    for (NodeId id = 0; id < graph.size(); ++id) {
      for (NodeId input : graph.node(id).inputs) readers_[input].push_back(id);
      code_bits_[id] = CodeBits(id);
    }
    for (const Chain& chain : chains) {
      for (NodeId id : chain.nodes) chain_of_[id] = &chain;
    }
  }

  std::vector<Layout> Plan() {
    for (;;) {
      layouts_.assign(graph_.size(), {});
      for (NodeId id = graph_.output() - 1; id > 0; --id) PlanValue(id);
      if (!ForbidBits()) return std::move(layouts_);
    }
  }

 private:
  // A pooled value is bits where its source is, and only there. Forbids bits where that is
  // not so, and says whether it had to.
  bool ForbidBits() {
    bool found = false;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!As<MaxPoolOp>(graph_.node(id)) || !layouts_[id].bits) continue;
      // Ids rise along a row of pools, so one round is enough for all of them.
      const NodeId source = graph_.node(id).inputs[0];
      if (layouts_[source].bits && !no_bits_[source]) continue;
      no_bits_[id] = found = true;
    }
    return found;
  }

  // What all readers of a value can do with it.
  struct Wish {
    bool dense = false;
    bool bits = true;
    Padding ring;
    std::optional<int> pad_code;
  };

  // The bits of the codes that a node's value is stored as, 0 for floats.
  int CodeBits(NodeId id) const {
    const Node& node = graph_.node(id);
    if (const auto* quantize = As<QuantizeOp>(node)) return quantize->bits;
    const bool moves = As<MaxPoolOp>(node) || As<DropoutOp>(node) || As<FlattenOp>(node);
    return moves ? code_bits_[node.inputs[0]] : 0;
  }

  // Whether a convolution or linear layer multiplies codes: line by line, in place where there
  // is a ring.
  bool MultipliesCodes(const Node& node) const {
    const WeightQuantizer* quantizer = WeightQuantizerOf(node.op);
    const Tensor* weight = node.Find("weight");
    if (quantizer == nullptr || weight == nullptr || weight->type() != DataType::kInt8) {
      return false;
    }
    return code_bits_[node.inputs[0]] != 0;
  }

  // Whether the step that writes the value of `id` can give it a ring.
  bool HasRingWriter(NodeId id) const {
    if (As<MaxPoolOp>(graph_.node(id))) return true;
    const Chain* chain = chain_of_[id];
    if (chain == nullptr || (chain->codes_node != id && chain->signs_node != id)) return false;
    const Node& head = graph_.node(chain->head);
    const bool weighted = As<ConvolutionOp>(head) || As<LinearOp>(head);
    return !weighted || MultipliesCodes(head);
  }
  // ... and can write it as bits. The network's input is quantized line by line, and the
  // groups of a convolution write whole bytes each, but for those of a depthwise one, which
  // are written together.
  bool HasBitsWriter(NodeId id) const {
    if (no_bits_[id]) return false;
    const Chain* chain = chain_of_[id];
    if (chain == nullptr) return true;
    const auto* head = As<ConvolutionOp>(graph_.node(chain->head));
    const bool bytes = head == nullptr || head->groups == 1 ||
                       head->output_channels / head->groups % 8 == 0 || IsDepthwise(chain->head);
    return chain->head != 0 && bytes;
  }

  bool IsDepthwise(NodeId id) const {
    const auto& op = std::get<ConvolutionOp>(graph_.node(id).op);
    return op.groups == op.output_channels && op.groups == shapes_[graph_.node(id).inputs[0]][1];
  }

  // Whether the step of the reader, a sum, takes `id` as a residual line by line.
  bool IsResidual(NodeId id, NodeId reader) const {
    const Chain* chain = chain_of_[reader];
    if (chain == nullptr || chain->residual != id) return false;
    const Node& head = graph_.node(chain->head);
    return MultipliesCodes(head) || !(As<ConvolutionOp>(head) || As<LinearOp>(head));
  }

  void Wants(NodeId id, Wish& wish) const {
    for (NodeId reader : readers_[id]) {
      const Node& node = graph_.node(reader);
      const auto* convolution = As<ConvolutionOp>(node);
      if (As<DropoutOp>(node) && !IsKept(kept_, reader)) {
        Wants(reader, wish);
        wish.dense |= readers_[reader].empty();
      } else if (As<FlattenOp>(node) && IsFlattenOfWindows(graph_, reader, kept_)) {
        Wants(reader, wish);
      } else if ((convolution || As<LinearOp>(node)) && MultipliesCodes(node)) {
        WantsOfLayer(node, wish);
      } else if (As<MaxPoolOp>(node)) {
        wish.bits &= layouts_[reader].bits;
      } else if (As<AveragePoolOp>(node) || As<GlobalAveragePoolOp>(node)) {
        wish.bits = false;
      } else if (As<AddOp>(node) && IsResidual(id, reader)) {
        wish.bits = false;
      } else {
        wish.dense = true;
      }
    }
  }

  void WantsOfLayer(const Node& node, Wish& wish) const {
    wish.bits &= WeightQuantizerOf(node.op)->bits == 1;
    const auto* op = As<ConvolutionOp>(node);
    if (op == nullptr) return;
    const int64_t group_inputs = shapes_[node.inputs[0]][1] / op->groups;
    // Bits cannot be 0, so groups of few channels cannot be multiplied together as bits.
    constexpr int64_t kFewInputs = 16;
    wish.bits &= op->groups == 1 || (group_inputs % 8 == 0 && group_inputs >= kFewInputs);
    const Padding& padding = op->window.padding;
    if (padding == Padding{}) return;
    wish.ring = {std::max(wish.ring.top, padding.top), std::max(wish.ring.left, padding.left),
                 std::max(wish.ring.bottom, padding.bottom),
                 std::max(wish.ring.right, padding.right)};
    // Bits are corrected layer by layer; a ring of codes holds one code.
    if (wish.pad_code && *wish.pad_code != op->pad_code) wish.pad_code = kNone;
    if (!wish.pad_code) wish.pad_code = op->pad_code;
  }

  // Whether a ring costs more than what it saves: memory, and time to fill it.
  static bool IsLargeRing(const Shape& shape, const Padding& ring) {
    if (shape.rank() != 4) return false;
    constexpr int64_t kSmallPixels = 4096;
    const int64_t pixels = shape[2] * shape[3];
    const int64_t ringed =
        (shape[2] + ring.top + ring.bottom) * (shape[3] + ring.left + ring.right);
    return ringed > 3 * pixels && ringed * shape[1] > kSmallPixels;
  }

  void PlanValue(NodeId id) {
    if (code_bits_[id] == 0 || IsKept(kept_, id) || readers_[id].empty() || !HasRingWriter(id)) {
      return;
    }
    Wish wish;
    Wants(id, wish);
    if (wish.dense) return;
    Layout& layout = layouts_[id];
    layout.bits = code_bits_[id] == 1 && wish.bits && HasBitsWriter(id);
    const bool large = IsLargeRing(shapes_[id], wish.ring);
    if (layout.bits && large) no_bits_[id] = true;  // there are no bits without their ring
    layout.bits = layout.bits && !large;
    if (large || (!layout.bits && wish.pad_code == kNone)) return;
    layout.ring = wish.ring;
    layout.pad_code = layout.bits ? 0 : wish.pad_code.value_or(0);
  }

  static constexpr int kNone = 1 << 20;  // a pad code of layers that differ

  const Graph& graph_;
  const std::vector<Shape>& shapes_;
  const std::vector<bool>& kept_;
  std::vector<Layout> layouts_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<int> code_bits_;
  std::vector<bool> no_bits_;
  std::vector<const Chain*> chain_of_;
};

}  // namespace

bool IsFlattenOfWindows(const Graph& graph, NodeId id, const std::vector<bool>& kept) {
  if (IsKept(kept, id)) return false;
  const std::vector<NodeId> readers = graph.Readers(id);
  return !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](NodeId reader) {
    const Op& op = graph.node(reader).op;
    if (std::holds_alternative<LinearOp>(op)) return true;
    return std::holds_alternative<DropoutOp>(op) && IsFlattenOfWindows(graph, reader, kept);
  });
}

std::vector<Layout> PlanLayouts(const Graph& graph, const std::vector<Shape>& shapes,
                                const std::vector<Chain>& chains, const std::vector<bool>& kept) {
  return LayoutPlanner(graph, shapes, chains, kept).Plan();
}

}  // namespace signum::runtime
