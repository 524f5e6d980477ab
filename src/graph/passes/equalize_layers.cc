#include "graph/passes/equalize_layers.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace signum {
namespace {

bool HasFloatWeight(const Node& node) {
  return WeightQuantizerSlot(node.op) != nullptr &&
         node.parameters.at("weight").type() == DataType::kFloat32;
}

// Whether f(s x) = s f(x) for every channel's own s > 0.
bool ScalesWithItsInput(const Op& op) {
  return std::visit(
      Overloaded{[](const ActivationOp& o) { return o.kind == ActivationKind::kRelu; },
                 [](const PReluOp&) { return true; }, [](const MaxPoolOp&) { return true; },
                 [](const AveragePoolOp&) { return true; },
                 [](const GlobalAveragePoolOp&) { return true; },
                 [](const UpsampleOp&) { return true; }, [](const DropoutOp&) { return true; },
                 [](const FlattenOp&) { return true; }, [](const auto&) { return false; }},
      op);
}

struct Pair {
  NodeId first, second;
};

// The layer that alone reads the value of `first`, if there is one.
std::optional<NodeId> SecondOf(const Graph& graph, NodeId first) {
  for (NodeId at = first;;) {
    const std::vector<NodeId> readers = graph.Readers(at);
    if (readers.size() != 1) return std::nullopt;
    at = readers[0];
    if (HasFloatWeight(graph.node(at))) return at;
    if (!ScalesWithItsInput(graph.node(at).op)) return std::nullopt;
  }
}

// A layer's weight, by what makes and what reads a channel.
class Weight {
 public:
  explicit Weight(Node& layer)
      : values_(layer.parameters.at("weight").floats()),
        rows_(layer.parameters.at("weight").shape()[0]),
        columns_(layer.parameters.at("weight").shape()[1]),
        length_(layer.parameters.at("weight").elements() / rows_) {
    if (const auto* op = std::get_if<ConvolutionOp>(&layer.op)) groups_ = op->groups;
  }

  int64_t rows() const { return rows_; }
  // Of all groups.
  int64_t inputs() const { return columns_ * groups_; }

  // Calls visit(w) for the weights that make output channel `channel`.
  template <typename Visit>
  void ForOutput(int64_t channel, const Visit& visit) const {
    for (float& w : values_.subspan(channel * length_, length_)) visit(w);
  }

  // Calls visit(w) for the weights that read channel `channel` of `channels`; a
  // flattened channel is several inputs, one after the other.
  template <typename Visit>
  void ForInput(int64_t channel, int64_t channels, const Visit& visit) const {
    const int64_t each = inputs() / channels;
    const int64_t taps = length_ / columns_;
    for (int64_t input = channel * each; input < (channel + 1) * each; ++input) {
      const int64_t group = input / columns_;
      const int64_t group_rows = rows_ / groups_;
      for (int64_t row = group * group_rows; row < (group + 1) * group_rows; ++row) {
        const int64_t begin = row * length_ + input % columns_ * taps;
        for (float& w : values_.subspan(begin, taps)) visit(w);
      }
    }
  }

 private:
  std::span<float> values_;
  int64_t rows_, columns_, length_;
  int64_t groups_ = 1;
};

// Returns how far the factors are from 1, as max |log s|.
double Equalize(Node& first_layer, Node& second_layer) {
  const Weight first(first_layer), second(second_layer);
  const int64_t channels = first.rows();
  const auto bias = first_layer.parameters.find("bias");
  double farthest = 0;
  for (int64_t channel = 0; channel < channels; ++channel) {
    float made = 0, read = 0;  // r1 and r2
    first.ForOutput(channel, [&](float w) { made = std::max(made, std::fabs(w)); });
    second.ForInput(channel, channels, [&](float w) { read = std::max(read, std::fabs(w)); });
    const double s = std::sqrt(double{made} * read) / read;
    // Channels that are empty on a side, or whose sides are worlds apart, have no
    // common scale.
    constexpr double kFarthest = 1e6;
    if (!(s > 1 / kFarthest && s < kFarthest)) continue;
    first.ForOutput(channel, [&](float& w) { w = static_cast<float>(w / s); });
    second.ForInput(channel, channels, [&](float& w) { w = static_cast<float>(w * s); });
    if (bias != first_layer.parameters.end()) {
      float& b = bias->second.floats()[channel];
      b = static_cast<float>(b / s);
    }
    farthest = std::max(farthest, std::fabs(std::log(s)));
  }
  return farthest;
}

}  // namespace

Graph EqualizeLayers(const Graph& graph) {
  Graph out = graph;
  std::vector<Pair> pairs;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!HasFloatWeight(graph.node(id))) continue;
    const std::optional<NodeId> second = SecondOf(graph, id);
    if (!second) continue;
    Node& layer = out.node(*second);
    // What a flattened or grouped layer reads must be whole channels.
    if (Weight(layer).inputs() % graph.node(id).Find("weight")->shape()[0] != 0) continue;
    pairs.push_back({id, *second});
  }
  constexpr int kMostRounds = 100;
  constexpr double kClose = 1e-3;
  for (int round = 0; round < kMostRounds; ++round) {
    double farthest = 0;
    for (const Pair& pair : pairs) {
      farthest = std::max(farthest, Equalize(out.node(pair.first), out.node(pair.second)));
    }
    if (farthest < kClose) break;
  }
  return out;
}

}  // namespace signum
