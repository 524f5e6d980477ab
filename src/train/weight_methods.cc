#include "train/weight_methods.h"

namespace signum::train {
namespace {

class FrozenWeights : public WeightMethod {
 public:
  explicit FrozenWeights(int bits) : bits_(bits) {}
  void AddTensors(LayerTensors&) const override {}
  torch::Tensor Weight(const LayerTensors& tensors, double) const override {
    return tensors.at("codes") * tensors.at("code_scale");
  }
  WeightCodes Codes(const LayerTensors& tensors) const override {
    return {tensors.at("codes"), tensors.at("code_scale")};
  }
  int code_bits() const override { return bits_; }

 private:
  int bits_;
};

}  // namespace

std::unique_ptr<const WeightMethod> MakeWeightMethod(const WeightQuantizer& quantizer,
                                                     const QuantizationConfig& config,
                                                     bool has_codes) {
  if (config.frozen && has_codes) return std::make_unique<FrozenWeights>(quantizer.bits);
  return quantizer.bits == 1 ? MakeBinaryMethod(quantizer, config)
                             : MakeIntegerMethod(quantizer, config);
}

}  // namespace signum::train
