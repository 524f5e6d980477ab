#include "calibration/quantizers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"

namespace signum::calibration {
namespace {

// What is known of a value that gets a quantizer.
struct Source {
  NodeId quantizer = 0;
  Shape shape;
  quant::Range range;  // with 0 in it
  bool finite = true;
  std::optional<quant::Histogram> histogram;
  // Of a 1-bit quantizer, with the count of values that went into them.
  std::vector<double> channel_means;
  double distance_sum = 0;
  int64_t values = 0;
};
// By the node of the float network, which may have a quantizer of its codes as well.
using Sources = std::multimap<NodeId, Source>;

const QuantizeOp& OpOf(const Graph& graph, const Source& source) {
  return std::get<QuantizeOp>(graph.node(source.quantizer).op);
}

Result<Sources> FindSources(const Graph& quantized, const Graph& floats) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(floats));
  std::map<std::string, NodeId> by_name;
  for (NodeId id = 0; id < floats.size(); ++id) by_name[floats.node(id).name] = id;
  Sources sources;
  for (NodeId id = 0; id < quantized.size(); ++id) {
    if (!std::holds_alternative<QuantizeOp>(quantized.node(id).op)) continue;
    NodeId value = quantized.node(id).inputs[0];
    while (std::holds_alternative<QuantizeOp>(quantized.node(value).op)) {
      value = quantized.node(value).inputs[0];
    }
    const auto found = by_name.find(quantized.node(value).name);
    SIGNUM_CHECK(found != by_name.end());
    const NodeId node = found->second;
    sources.emplace(node, Source{.quantizer = id, .shape = shapes[node]});
  }
  return sources;
}

std::vector<NodeId> Nodes(const Sources& sources) {
  std::vector<NodeId> nodes;
  for (const auto& [node, source] : sources) {
    if (nodes.empty() || nodes.back() != node) nodes.push_back(node);
  }
  return nodes;
}

// Calls visit(values, source) for every source that a node has, with the node's values on
// batches of the images.
template <typename Visit>
Status ForEachValue(const Graph& floats, const Images& images, const Pass& pass, Sources& sources,
                    const Visit& visit) {
  return ObserveValues(floats, Nodes(sources), images, PixelsOf(images), pass,
                       [&](NodeId node, int64_t, std::span<const float> values) {
                         const auto [begin, end] = sources.equal_range(node);
                         for (auto at = begin; at != end; ++at) visit(values, at->second);
                       });
}

void Widen(std::span<const float> values, Source& source) {
  float low = source.range.low, high = source.range.high;
  bool finite = true;
  for (const float x : values) {
    low = x < low ? x : low;
    high = x > high ? x : high;
    finite = finite && x - x == 0;
  }
  source.range = {low, high};
  source.finite = source.finite && finite;
}

Status FindRanges(const Graph& floats, const Images& images, Sources& sources) {
  SIGNUM_RETURN_IF_ERROR(ForEachValue(floats, images, {.stage = "ranges"}, sources, Widen));
  for (const auto& [node, source] : sources) {
    if (source.finite) continue;
    return Corrupt(
        fmt::format("node '{}': its values on the calibration images are not all finite; the "
                    "network's weights are damaged or the images are not its own",
                    floats.node(node).name));
  }
  return {};
}

void Count(std::span<const float> values, Source& source) {
  if (source.histogram) return source.histogram->Add(values);
  ForEachChannel(source.shape, values, [&](int64_t channel, float x) {
    source.distance_sum += std::fabs(x - source.channel_means[channel]);
  });
  source.values += static_cast<int64_t>(values.size());
}

Status FindMeansOfOneBit(const Graph& quantized, const Graph& floats, const Images& images,
                         Sources& sources) {
  std::vector<NodeId> nodes;
  std::vector<Source*> one_bit;
  for (auto& [node, source] : sources) {
    if (OpOf(quantized, source).bits != 1) continue;
    nodes.push_back(node);
    one_bit.push_back(&source);
  }
  if (nodes.empty()) return {};
  SIGNUM_ASSIGN_OR_RETURN(auto means, ChannelMeans(floats, nodes, images, {.stage = "means"}));
  for (size_t i = 0; i < nodes.size(); ++i) one_bit[i]->channel_means = std::move(means[i]);
  return {};
}

void SetOneBit(const Source& source, Node& quantizer) {
  const double distance = source.distance_sum / static_cast<double>(source.values);
  const float scale = std::max(static_cast<float>(distance), std::numeric_limits<float>::min());
  quantizer.parameters["scale"] = Tensor::Filled({1}, scale);
  std::vector<float> shift(source.channel_means.begin(), source.channel_means.end());
  const auto channels = static_cast<int64_t>(shift.size());
  quantizer.parameters["shift"] = Tensor({channels}, std::move(shift));
}

}  // namespace

Status CalibrateQuantizers(Graph& quantized, const Graph& floats, const Images& images,
                           const quant::RangeChoice& choice) {
  SIGNUM_ASSIGN_OR_RETURN(Sources sources, FindSources(quantized, floats));
  if (sources.empty()) return {};
  SIGNUM_RETURN_IF_ERROR(FindRanges(floats, images, sources));
  SIGNUM_RETURN_IF_ERROR(FindMeansOfOneBit(quantized, floats, images, sources));
  for (auto& [node, source] : sources) {
    if (OpOf(quantized, source).bits > 1) source.histogram.emplace(source.range);
  }
  SIGNUM_RETURN_IF_ERROR(ForEachValue(floats, images, {.stage = "histograms"}, sources, Count));
  for (const auto& [node, source] : sources) {
    Node& quantizer = quantized.node(source.quantizer);
    auto& op = std::get<QuantizeOp>(quantizer.op);
    if (op.bits == 1) {
      SetOneBit(source, quantizer);
      continue;
    }
    const quant::Range range = quant::ChooseRange(*source.histogram, choice, op.bits, false);
    const quant::AffineParameters parameters =
        quant::ChooseQuantizationParams(range, 0, (1 << op.bits) - 1, false);
    op.zero_point = parameters.zero_point;
    quantizer.parameters["scale"] = Tensor::Filled({1}, parameters.scale);
  }
  return {};
}

}  // namespace signum::calibration
