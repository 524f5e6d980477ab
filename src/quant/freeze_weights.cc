#include "quant/freeze_weights.h"

#include "quant/arithmetic.h"

namespace signum::quant {

void FreezeWeights(Graph& graph, const RangeChoice& choice) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node& node = graph.node(id);
    const auto* quantizer = WeightQuantizerSlot(node.op);
    if (quantizer == nullptr || !*quantizer) continue;
    Tensor& weight = node.parameters.at("weight");
    if (weight.type() != DataType::kFloat32) continue;
    QuantizedWeight quantized = QuantizeWeights(
        weight.floats(), weight.shape()[0], (*quantizer)->bits, (*quantizer)->per_channel, choice);
    const auto scales = static_cast<int64_t>(quantized.scales.size());
    node.parameters["weight_scale"] = Tensor({scales}, std::move(quantized.scales));
    weight = Tensor(weight.shape(), std::move(quantized.codes));
  }
}

}  // namespace signum::quant
