// The pass that turns a float Graph into one with quantizers: it annotates
// weights and inserts Quantize nodes. It knows where quantizers belong, not what
// their scales are: those start at 1 and calibration or training sets them.
#ifndef SIGNUM_GRAPH_PASSES_INSERT_QUANTIZERS_H_
#define SIGNUM_GRAPH_PASSES_INSERT_QUANTIZERS_H_

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace signum {

inline constexpr int kFloatBits = 32;

// Of a layer's weights and of the value that it reads: 1 to 8, or kFloatBits. Float weights that
// read codes are there to learn from, as a first step of training.
struct LayerBits {
  int weights = 8, activations = 8;
  bool operator==(const LayerBits&) const = default;
};

// The precision of the layers whose names fit `pattern` (graph/name_pattern.h).
struct LayerPrecision {
  std::string pattern;
  LayerBits bits;
  bool operator==(const LayerPrecision&) const = default;
};

// Whether the layers whose names fit `pattern` have a weight scale per output channel or one.
struct LayerScales {
  std::string pattern;
  bool per_channel = true;
  bool operator==(const LayerScales&) const = default;
};

struct QuantizationPolicy {
  int weight_bits = 1;      // 1 to 8, or kFloatBits
  int activation_bits = 8;  // 1 to 8, or kFloatBits
  bool per_channel = true;  // weight scales per output channel, else per layer
  LayerBits edges;          // the first and the last layer (convolution or linear)
  // The 1x1 convolutions on shortcuts; without it, as other layers.
  std::optional<LayerBits> downsample;
  // What is kept of a value for the sum of a shortcut, 2 to 8 bits or kFloatBits: of what
  // 1-bit layers read too, whose quantizer then reads those codes; and where both operands
  // are floats, of the one that is made first. Sums with constants or of other shapes, and
  // all other readers, keep what they had.
  int residual_bits = kFloatBits;
  // Exceptions to all bits above, and to per_channel. Of several that fit a layer the last counts.
  std::vector<LayerPrecision> layers;
  std::vector<LayerScales> scales;
};

// A graph in which every convolution and linear layer has a weight quantizer and
// reads a Quantize node named after its source ("layer1.0.relu.quantize"). Layers
// that read the same value share its quantizer, which has the most bits that one of
// them asks for, but those that ask for 1 bit read a sign of its codes
// ("layer1.0.relu.sign"); with 2 bits and more every other
// reader of that value (a shortcut) reads the codes too, so that only k bits of a
// feature map are stored; 1-bit signs lose too much for a sum, so there the
// shortcut keeps the float value, or codes of `residual_bits` ("layer1.0.relu.residual").
// Quantizers of 2 bits and more move up through
// operators that only move values (MovesValues), 1-bit ones only if a dropout is among them, and no
// farther. Quantizers of values that can be negative get the zero-point 2^(bits-1), which
// calibration may move; 1-bit ones get a shift per channel, starting at 0.
//
// A quantized graph is first stripped (weights become scale times code), so that
// a network can go from 8 bits to fewer. An error names a policy out of range, a
// pattern that fits no layer, or scales that are so anyway.
Result<Graph> InsertQuantizers(const Graph& graph, const QuantizationPolicy& policy);

// Gives each Quantize node of `to` the scale and the shift of the one of the same name, bits and
// zero-point in `from`, if there is one: what one precision has learned goes on in the next.
void TakeScales(const Graph& from, Graph& to);

// Whether a Quantize node is as InsertQuantizers made it: its scale is for calibration to set.
bool NeedsScale(const Node& quantize);

// The graph without its quantizers and annotations; codes become floats, offsets of weights (see
// weight_offsets.h) with them, and what pads a 1-bit value becomes 0.
Graph StripQuantizers(const Graph& graph);

}  // namespace signum

#endif  // SIGNUM_GRAPH_PASSES_INSERT_QUANTIZERS_H_
