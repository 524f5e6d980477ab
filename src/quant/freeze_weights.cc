#include "quant/freeze_weights.h"

#include <utility>

#include "quant/arithmetic.h"

namespace signum::quant {
namespace {

bool WaitsForCodes(const Node& node) {
  const auto* quantizer = WeightQuantizerSlot(node.op);
  return quantizer != nullptr && *quantizer &&
         node.parameters.at("weight").type() == DataType::kFloat32;
}

}  // namespace

void FreezeWeights(Graph& graph, const RangeChoice& choice, const FreezeObserver& observe) {
  int64_t done = 0, total = 0;
  for (const Node& node : graph.nodes()) {
    if (WaitsForCodes(node)) total += node.parameters.at("weight").elements();
  }
  if (total == 0) return;
  if (observe) observe(done, total);
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node& node = graph.node(id);
    if (!WaitsForCodes(node)) continue;
    const WeightQuantizer& quantizer = **WeightQuantizerSlot(node.op);
    Tensor& weight = node.parameters.at("weight");
    QuantizedWeight quantized = QuantizeWeights(weight.floats(), weight.shape()[0], quantizer.bits,
                                                quantizer.per_channel, choice);
    const auto scales = static_cast<int64_t>(quantized.scales.size());
    node.parameters["weight_scale"] = Tensor({scales}, std::move(quantized.scales));
    done += weight.elements();
    weight = Tensor(weight.shape(), std::move(quantized.codes));
    if (observe) observe(done, total);
  }
}

}  // namespace signum::quant
