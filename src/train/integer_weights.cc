// The methods of weights of 2 to 8 bits.
#include <algorithm>
#include <cmath>
#include <limits>

#include "train/quantizers.h"
#include "train/weight_methods.h"

namespace signum::train {
namespace {

constexpr float kLeastScale = std::numeric_limits<float>::min();

class IntegerWeights : public WeightMethod {
 public:
  IntegerWeights(const WeightQuantizer& quantizer, const QuantizationConfig&)
      : quantizer_(quantizer) {}

  void AddTensors(LayerTensors& tensors) const override {
    tensors.erase("codes");
    tensors.erase("code_scale");
  }

  int code_bits() const override { return quantizer_.bits; }

 protected:
  // `scale` {1} or {channels, 1, ...} as the quantizer says.
  torch::Tensor PerChannel(const torch::Tensor& scale, const torch::Tensor& weight) const {
    std::vector<int64_t> shape(weight.dim(), 1);
    if (quantizer_.per_channel) shape[0] = weight.size(0);
    return scale.expand(shape).contiguous();
  }

  WeightQuantizer quantizer_;
};

class MinMax : public IntegerWeights {
 public:
  using IntegerWeights::IntegerWeights;
  torch::Tensor Weight(const LayerTensors& tensors, double) const override {
    return SymmetricWeight(tensors.at("weight"), quantizer_.bits, quantizer_.per_channel);
  }
  WeightCodes Codes(const LayerTensors& tensors) const override {
    const torch::Tensor latent = tensors.at("weight").detach();
    const torch::Tensor scale = SymmetricScale(latent, quantizer_.bits, quantizer_.per_channel);
    return {SymmetricCodes(latent, scale, quantizer_.bits), scale};
  }
};

class LearnedStep : public IntegerWeights {
 public:
  using IntegerWeights::IntegerWeights;
  void AddTensors(LayerTensors& tensors) const override {
    const torch::Tensor latent = tensors.at("weight").detach();
    const torch::Tensor magnitude =
        latent.abs().mean(ScaleAxes(latent, quantizer_.per_channel), /*keepdim=*/true);
    const auto known = tensors.find("code_scale");
    // A channel of zeros gets a step that its weights, if they learn, can reach.
    const torch::Tensor seen = torch::maximum(magnitude, 1e-3 * magnitude.mean());
    const torch::Tensor step = known != tensors.end()
                                   ? known->second.clone()
                                   : 2 * seen / std::sqrt(HighestWeightCode(quantizer_.bits));
    tensors["step"] = step.clamp_min(kLeastScale);
    IntegerWeights::AddTensors(tensors);
  }
  torch::Tensor Weight(const LayerTensors& tensors, double) const override {
    return LearnedStepWeight(tensors.at("weight"), tensors.at("step"), quantizer_.bits);
  }
  WeightCodes Codes(const LayerTensors& tensors) const override {
    const torch::Tensor step = tensors.at("step").detach();
    return {SymmetricCodes(tensors.at("weight").detach(), step, quantizer_.bits), step};
  }
};

class DoReFa : public IntegerWeights {
 public:
  using IntegerWeights::IntegerWeights;
  torch::Tensor Weight(const LayerTensors& tensors, double) const override {
    const WeightCodes made = Codes(tensors);
    return StraightThrough(torch::tanh(tensors.at("weight")), made.codes * made.scale);
  }
  WeightCodes Codes(const LayerTensors& tensors) const override {
    const torch::Tensor squashed = torch::tanh(tensors.at("weight").detach());
    const torch::Tensor most = squashed.abs().max().clamp_min(kLeastScale);
    const auto codes = DoReFaCodes(squashed / most, quantizer_.bits);
    return {codes, PerChannel(most / DoReFaHighest(quantizer_.bits), squashed)};
  }
  int code_bits() const override { return std::min(quantizer_.bits + 1, 8); }
};

class Ternary : public IntegerWeights {
 public:
  using IntegerWeights::IntegerWeights;
  torch::Tensor Weight(const LayerTensors& tensors, double) const override {
    const WeightCodes made = Codes(tensors);
    return StraightThrough(tensors.at("weight"), made.codes * made.scale);
  }
  WeightCodes Codes(const LayerTensors& tensors) const override {
    const torch::Tensor latent = tensors.at("weight").detach();
    const std::vector<int64_t> axes = ScaleAxes(latent, quantizer_.per_channel);
    const torch::Tensor magnitude = latent.abs();
    const torch::Tensor taken =
        (magnitude > .7 * magnitude.mean(axes, /*keepdim=*/true)).to(torch::kFloat);
    const torch::Tensor scale = (magnitude * taken).sum(axes, /*keepdim=*/true) /
                                taken.sum(axes, /*keepdim=*/true).clamp_min(1);
    return {torch::sign(latent) * taken, scale.clamp_min(kLeastScale)};
  }
};

}  // namespace

std::unique_ptr<const WeightMethod> MakeIntegerMethod(const WeightQuantizer& quantizer,
                                                      const QuantizationConfig& config) {
  if (config.weight_method == "lsq") return std::make_unique<LearnedStep>(quantizer, config);
  if (config.weight_method == "dorefa") return std::make_unique<DoReFa>(quantizer, config);
  // Other bits beside ternary ones are those of the first and the last layer.
  if (config.weight_method == "ternary" && quantizer.bits == 2) {
    return std::make_unique<Ternary>(quantizer, config);
  }
  return std::make_unique<MinMax>(quantizer, config);
}

}  // namespace signum::train
