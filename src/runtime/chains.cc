#include "runtime/chains.h"

#include <algorithm>

namespace signum::runtime {
namespace {

template <typename T>
bool Is(const Op& op) {
  return std::holds_alternative<T>(op);
}

bool IsWeighted(const Op& op) { return Is<ConvolutionOp>(op) || Is<LinearOp>(op); }
bool IsAffine(const Op& op) { return Is<BatchNormOp>(op) || Is<NormalizeOp>(op); }

class ChainFinder {
 public:
  ChainFinder(const Graph& graph, const std::vector<Shape>& shapes, const std::vector<bool>& kept)
      : graph_(graph),
        shapes_(shapes),
        kept_(kept),
        claimed_(graph.size()),
        readers_(graph.size()) {
    for (NodeId id = 0; id < graph.size(); ++id) {
      for (NodeId input : graph.node(id).inputs) {
        // An x + x reads its operand twice, and so is two readers here.
        readers_[input].push_back(id);
      }
    }
  }

  std::vector<Chain> Find() {
    Begin(0);
    // Of two convolutions that meet in a sum the later one takes it: the
    // earlier one's value is there by then.
    for (NodeId id = graph_.output(); id > 0; --id) {
      if (IsWeighted(graph_.node(id).op)) Begin(id);
    }
    for (NodeId id = 1; id < graph_.size(); ++id) {
      if (!claimed_[id] && IsStage(id)) Begin(id);
    }
    return std::move(chains_);
  }

 private:
  // Where a node comes in a chain; each link is at most once in it.
  enum Link { kAffine = 1, kSum = 2, kClamp = 3, kQuantizer = 4, kNone = 5 };

  Link LinkOf(NodeId id) const {
    const Node& node = graph_.node(id);
    if (IsAffine(node.op) && ChannelsLast(shapes_[id])) return kAffine;
    if (Is<AddOp>(node.op) && node.inputs[0] != node.inputs[1] &&
        shapes_[node.inputs[0]] == shapes_[node.inputs[1]]) {
      return kSum;
    }
    if (IsClamp(node.op) || (Is<PReluOp>(node.op) && ChannelsLast(shapes_[id]))) return kClamp;
    if (Is<QuantizeOp>(node.op) && (node.Find("shift") == nullptr || ChannelsLast(shapes_[id]))) {
      return kQuantizer;
    }
    return kNone;
  }

  bool IsStage(NodeId id) const { return LinkOf(id) != kNone; }
  bool IsKept(NodeId id) const { return !kept_.empty() && kept_[id]; }

  void Append(Chain& chain, NodeId id) {
    chain.nodes.push_back(id);
    claimed_[id] = true;
  }

  void Begin(NodeId head) {
    Chain chain;
    chain.head = head;
    Append(chain, head);
    // A head that is a stage itself has used up its link and those before it.
    int link = head == 0 || IsWeighted(graph_.node(head).op) ? 0 : LinkOf(head);
    if (link == kSum) chain.residual = graph_.node(head).inputs[1];
    while (link != kQuantizer) {
      const NodeId end = chain.nodes.back();
      if (readers_[end].size() != 1 || IsKept(end)) break;
      const NodeId next = readers_[end][0];
      const Link next_link = LinkOf(next);
      if (claimed_[next] || next_link == kNone || next_link <= link) break;
      // The input is read by its normalization and its quantizer alone.
      if (head == 0 && next_link != kQuantizer && !Is<NormalizeOp>(graph_.node(next).op)) break;
      if (next_link == kSum) {
        const auto& operands = graph_.node(next).inputs;
        chain.residual = operands[0] == end ? operands[1] : operands[0];
      }
      Append(chain, next);
      link = next_link;
    }
    chain.position = chain.nodes.back();
    SetOutputs(chain);
    chains_.push_back(std::move(chain));
  }

  void SetOutputs(Chain& chain) {
    const NodeId end = chain.nodes.back();
    if (Is<QuantizeOp>(graph_.node(end).op)) {
      chain.codes_node = end;
      // The input's lines are one row each, which signs have no thresholds for.
      if (chain.head != 0) TakeSigns(chain);
      return;
    }
    chain.float_node = end;
    // The floats are needed, but while they are in the cache a quantizer of
    // them costs little.
    for (NodeId reader : readers_[end]) {
      if (claimed_[reader] || !Is<QuantizeOp>(graph_.node(reader).op)) continue;
      if (LinkOf(reader) != kQuantizer) continue;
      Append(chain, reader);
      chain.codes_node = reader;
      return;
    }
  }

  // While the codes are in the cache, their signs cost little, too.
  void TakeSigns(Chain& chain) {
    // Signs of signs are a step of their own, which takes no thresholds.
    if (std::get<QuantizeOp>(graph_.node(*chain.codes_node).op).bits == 1) return;
    for (NodeId reader : readers_[*chain.codes_node]) {
      const auto* quantize = std::get_if<QuantizeOp>(&graph_.node(reader).op);
      if (quantize == nullptr || quantize->bits != 1 || claimed_[reader]) continue;
      if (LinkOf(reader) != kQuantizer) continue;
      Append(chain, reader);
      chain.signs_node = reader;
      return;
    }
  }

  const Graph& graph_;
  const std::vector<Shape>& shapes_;
  const std::vector<bool>& kept_;
  std::vector<bool> claimed_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<Chain> chains_;
};

}  // namespace

bool IsClamp(const Op& op) {
  const auto* activation = std::get_if<ActivationOp>(&op);
  return activation != nullptr &&
         (activation->kind == ActivationKind::kRelu || activation->kind == ActivationKind::kRelu6 ||
          activation->kind == ActivationKind::kHardTanh);
}

std::vector<Chain> FindChains(const Graph& graph, const std::vector<Shape>& shapes,
                              const std::vector<bool>& kept) {
  return ChainFinder(graph, shapes, kept).Find();
}

}  // namespace signum::runtime
