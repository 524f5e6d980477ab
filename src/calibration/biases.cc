#include "calibration/biases.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "quant/arithmetic.h"

namespace signum::calibration {
namespace {

// Where runs begin: at the images (node 0), or at a Quantize node, from its codes.
struct Start {
  NodeId node = 0;
  std::vector<uint8_t> codes;  // of all images, each row-major as the IR has it
};

// By node id, whether later nodes see earlier ones only through it, but for constants.
std::vector<bool> Narrows(const Graph& graph) {
  std::vector<bool> narrow(graph.size());
  NodeId last_reader = 0;  // of the nodes so far
  for (NodeId id = 0; id < graph.size(); ++id) {
    narrow[id] = last_reader <= id;
    if (std::holds_alternative<ConstantOp>(graph.node(id).op)) continue;
    for (NodeId reader : graph.Readers(id)) last_reader = std::max(last_reader, reader);
  }
  return narrow;
}

// What of the network leads from the value of `start` to that of `last`, which becomes
// the output.
struct Section {
  Graph graph;
  std::map<NodeId, NodeId> ids;  // by those of the network
};

Section MakeSection(const Graph& network, const Shape& start_shape, NodeId start, NodeId last) {
  std::vector<bool> needed(network.size());
  needed[last] = true;
  for (NodeId id = last; id > start; --id) {
    if (!needed[id]) continue;
    for (NodeId input : network.node(id).inputs) needed[input] = true;
  }
  Section section;
  const Node& first = network.node(start);
  if (start == 0) {
    section.ids[0] = section.graph.Add(first.name, first.op, {});
  } else {
    const NodeId input = section.graph.Add(first.name + ".values", InputOp{start_shape}, {});
    // The codes' values become the same codes: round(s k / s) is k for all |k| < 256.
    section.ids[start] = section.graph.Add(first.name, first.op, {input}, first.parameters);
  }
  for (NodeId id = 0; id <= last; ++id) {
    if (!needed[id] || id == start) continue;
    const Node& node = network.node(id);
    std::vector<NodeId> inputs;
    for (NodeId input : node.inputs) inputs.push_back(section.ids.at(input));
    section.ids[id] = section.graph.Add(node.name, node.op, std::move(inputs), node.parameters);
  }
  return section;
}

InputSource ValuesOf(const Start& start, const Node& quantizer, const Shape& shape) {
  const float scale = quantizer.Find("scale")->floats()[0];
  const int zero_point = std::get<QuantizeOp>(quantizer.op).zero_point;
  return [&codes = start.codes, scale, zero_point, elements = shape.elements()](
             int64_t first, int64_t batch, std::span<float> inputs) {
    const auto begin = codes.begin() + first * elements;
    std::transform(begin, begin + batch * elements, inputs.begin(),
                   [&](uint8_t code) { return quant::DequantizeValue(code, scale, zero_point); });
  };
}

// Appends the codes of what an observer got of the value of `quantizer`.
void AppendCodes(std::span<const float> values, const Node& quantizer, const Shape& shape,
                 std::vector<uint8_t>& codes) {
  const float scale = quantizer.Find("scale")->floats()[0];
  const auto& op = std::get<QuantizeOp>(quantizer.op);
  const int64_t channels = shape.rank() == 4 ? shape[1] : 1;
  const int64_t pixels = shape.elements() / channels;
  for (size_t image = 0; image < values.size(); image += static_cast<size_t>(shape.elements())) {
    for (int64_t channel = 0; channel < channels; ++channel) {
      for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        const float x = values[image + static_cast<size_t>(pixel * channels + channel)];
        codes.push_back(
            static_cast<uint8_t>(quant::QuantizeValue(x, scale, op.zero_point, op.bits)));
      }
    }
  }
}

void Subtract(const std::vector<double>& excess, Node& layer) {
  std::vector<float> bias(excess.size());
  if (const Tensor* old = layer.Find("bias")) {
    bias.assign(old->floats().begin(), old->floats().end());
  }
  for (size_t c = 0; c < excess.size(); ++c) bias[c] = static_cast<float>(bias[c] - excess[c]);
  const auto channels = static_cast<int64_t>(bias.size());
  layer.parameters["bias"] = Tensor({channels}, std::move(bias));
  if (auto* convolution = std::get_if<ConvolutionOp>(&layer.op)) convolution->bias = true;
  if (auto* linear = std::get_if<LinearOp>(&layer.op)) linear->bias = true;
}

// The layers with quantized weights, in order, by their ids in either network.
std::vector<std::pair<NodeId, NodeId>> QuantizedLayers(const Graph& quantized,
                                                       const Graph& floats) {
  std::map<std::string, NodeId> by_name;
  for (NodeId id = 0; id < floats.size(); ++id) by_name[floats.node(id).name] = id;
  std::vector<std::pair<NodeId, NodeId>> layers;
  for (NodeId id = 0; id < quantized.size(); ++id) {
    if (WeightQuantizerOf(quantized.node(id).op) == nullptr) continue;
    const auto found = by_name.find(quantized.node(id).name);
    SIGNUM_CHECK(found != by_name.end());
    layers.emplace_back(id, found->second);
  }
  return layers;
}

// The network in the middle of its correction: all layers before `start_` have theirs.
class Corrector {
 public:
  Corrector(Graph& network, std::vector<Shape> shapes, const Images& images, int64_t resume_bytes)
      : network_(network),
        shapes_(std::move(shapes)),
        narrow_(Narrows(network)),
        images_(images),
        resume_bytes_(resume_bytes) {}

  // Of the value of `layer`; moves the start up to it as far as possible.
  Result<std::vector<double>> Means(NodeId layer, const Pass& pass) {
    const NodeId next = LastStartBefore(layer);
    const Section section = MakeSection(network_, shapes_[start_.node], start_.node, layer);
    const NodeId observed = section.ids.at(layer);
    std::vector<NodeId> keep{observed};
    Start moved{next, {}};
    if (next != start_.node) {
      keep.push_back(section.ids.at(next));
      moved.codes.reserve(static_cast<size_t>(shapes_[next].elements() * images_.size()));
    }
    const InputSource source =
        start_.node == 0 ? PixelsOf(images_)
                         : ValuesOf(start_, network_.node(start_.node), shapes_[start_.node]);
    ChannelMean mean(shapes_[layer]);
    SIGNUM_RETURN_IF_ERROR(ObserveValues(section.graph, keep, images_, source, pass,
                                         [&](NodeId node, int64_t, std::span<const float> values) {
                                           if (node == observed) return mean.Add(values);
                                           AppendCodes(values, network_.node(next), shapes_[next],
                                                       moved.codes);
                                         }));
    if (next != start_.node) start_ = std::move(moved);
    return mean.means();
  }

 private:
  NodeId LastStartBefore(NodeId layer) const {
    for (NodeId id = layer - 1; id > start_.node; --id) {
      const auto* quantize = std::get_if<QuantizeOp>(&network_.node(id).op);
      const bool fits = shapes_[id].elements() <= resume_bytes_ / images_.size();
      if (quantize != nullptr && quantize->bits > 1 && narrow_[id] && fits) return id;
    }
    return start_.node;
  }

  Graph& network_;
  std::vector<Shape> shapes_;
  std::vector<bool> narrow_;
  const Images& images_;
  int64_t resume_bytes_;
  Start start_;
};

}  // namespace

Status CorrectBiases(Graph& quantized, const Graph& floats, const Images& images,
                     int64_t resume_bytes) {
  const auto layers = QuantizedLayers(quantized, floats);
  std::vector<NodeId> float_layers;
  for (const auto& [layer, float_layer] : layers) float_layers.push_back(float_layer);
  Pass pass{.stage = "biases", .passes = static_cast<int64_t>(layers.size()) + 1};
  SIGNUM_ASSIGN_OR_RETURN(const auto wanted, ChannelMeans(floats, float_layers, images, pass));
  SIGNUM_ASSIGN_OR_RETURN(std::vector<Shape> shapes, InferShapes(quantized));
  Corrector corrector(quantized, std::move(shapes), images, resume_bytes);
  for (size_t i = 0; i < layers.size(); ++i) {
    ++pass.index;
    const NodeId layer = layers[i].first;
    SIGNUM_ASSIGN_OR_RETURN(std::vector<double> excess, corrector.Means(layer, pass));
    for (size_t c = 0; c < excess.size(); ++c) excess[c] -= wanted[i][c];
    Subtract(excess, quantized.node(layer));
  }
  return {};
}

}  // namespace signum::calibration
