#include "format/accumulator_bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace signum {
namespace {

constexpr int64_t kHighestSum = std::numeric_limits<int32_t>::max();

// The largest magnitude of the codes in which `node`'s value may be handed on,
// where its inputs' are those in `bounds`.
int LargestCode(const Node& node, const std::vector<int>& bounds) {
  if (const auto* quantize = std::get_if<QuantizeOp>(&node.op)) return (1 << quantize->bits) - 1;
  constexpr int kLargestOfAnyInput = 255;
  if (!MovesValues(node.op)) return kLargestOfAnyInput;
  int largest = 0;
  for (NodeId input : node.inputs) largest = std::max(largest, bounds[input]);
  return largest;
}

Status CheckLayer(const Node& node, const Tensor& weight, int largest_input) {
  const std::span<const int8_t> codes = weight.codes();
  const int64_t rows = weight.shape()[0];
  const int64_t row_size = weight.elements() / rows;
  // Almost every layer fits whatever its codes, and then need not be read.
  if (row_size <= kHighestSum / (int64_t{128} * largest_input)) return {};
  for (int64_t row = 0; row < rows; ++row) {
    int64_t sum = 0;
    for (int8_t code : codes.subspan(row * row_size, row_size)) sum += code < 0 ? -code : code;
    if (sum > kHighestSum / largest_input) {
      return Unsupported(fmt::format(
          "node '{}' ({}): the sum of output channel {} can reach {} x {}, more than an int32 "
          "accumulator holds; use fewer weight or activation bits, or more groups",
          node.name, OpName(node.op), row, sum, largest_input));
    }
  }
  return {};
}

}  // namespace

Status CheckAccumulators(const Graph& graph) {
  std::vector<int> bounds;
  bounds.reserve(graph.size());
  for (const Node& node : graph.nodes()) {
    const bool layer =
        std::holds_alternative<ConvolutionOp>(node.op) || std::holds_alternative<LinearOp>(node.op);
    const Tensor* weight = node.Find("weight");
    if (layer && weight != nullptr && weight->type() == DataType::kInt8) {
      SIGNUM_RETURN_IF_ERROR(CheckLayer(node, *weight, bounds[node.inputs[0]]));
    }
    bounds.push_back(LargestCode(node, bounds));
  }
  return {};
}

}  // namespace signum
