#include "train/weight_methods.h"

#include <cmath>
#include <limits>

#include "train/quantizers.h"
#include "train/sign_gradient.h"

namespace signum::train {

void WeightMethod::AddTensors(LayerTensors& tensors) const {
  const torch::Tensor latent = tensors.at("weight").detach();
  const auto code_scale = tensors.find("code_scale");
  const torch::Tensor scale = code_scale == tensors.end() ? torch::Tensor() : code_scale->second;
  if (config_.frozen && scale.defined()) return;
  tensors.erase("codes");
  tensors.erase("code_scale");
  if (quantizer_.bits == 1) {
    tensors["bits"] = HysteresisBits(latent, Signed(latent), torch::zeros({1}));
  }
  if (is_bop()) tensors["gradient_mean"] = torch::zeros_like(latent);
  if (is_lsq()) {
    const torch::Tensor magnitude =
        latent.abs().mean(ScaleAxes(latent, quantizer_.per_channel), /*keepdim=*/true);
    const torch::Tensor first = 2 * magnitude / std::sqrt(HighestWeightCode(quantizer_.bits));
    tensors["step"] =
        (scale.defined() ? scale.clone() : first).clamp_min(std::numeric_limits<float>::min());
  }
}

torch::Tensor WeightMethod::Signed(const torch::Tensor& latent) const {
  if (!is_ir_net()) return latent;
  const std::vector<int64_t> axes = ScaleAxes(latent, /*per_channel=*/true);
  const torch::Tensor centered = latent - latent.mean(axes, /*keepdim=*/true);
  // A channel of one weight, or of equal ones, has no deviation but that of rounding; the bound is
  // below the root, whose derivative has none at 0.
  const torch::Tensor rounding =
      (1e-6 * latent.detach().abs().amax(axes, /*keepdim=*/true)).square().clamp_min(1e-30);
  const torch::Tensor variance = centered.square().mean(axes, /*keepdim=*/true);
  return centered / torch::maximum(variance, rounding).sqrt();
}

torch::Tensor WeightMethod::Scale(const LayerTensors& tensors) const {
  const torch::Tensor& latent = tensors.at("weight");
  if (is_lsq()) return tensors.at("step").detach();
  if (quantizer_.bits > 1) return SymmetricScale(latent, quantizer_.bits, quantizer_.per_channel);
  if (is_ir_net()) {
    const torch::Tensor mean = BinaryScale(Signed(latent.detach()), quantizer_.per_channel);
    return torch::exp2(torch::round(torch::log2(mean)));
  }
  return BinaryScale(latent, quantizer_.per_channel);
}

torch::Tensor WeightMethod::Weight(const LayerTensors& tensors, double progress) const {
  if (is_frozen(tensors)) return tensors.at("codes") * tensors.at("code_scale");
  const torch::Tensor& latent = tensors.at("weight");
  if (is_lsq()) return LearnedStepWeight(latent, tensors.at("step"), quantizer_.bits);
  if (quantizer_.bits > 1) {
    return SymmetricWeight(latent, quantizer_.bits, quantizer_.per_channel);
  }
  const torch::Tensor& bits = tensors.at("bits");
  if (is_ir_net()) {
    return SignedBits(Signed(latent), bits, SignGradient::kEde, progress) * Scale(tensors);
  }
  // Bop takes the gradient of a bit, whose scale is a constant.
  if (is_bop()) return BinaryWeight(latent, bits, quantizer_.per_channel, /*clip=*/false);
  return BinaryWeight(latent, bits, quantizer_.per_channel, config_.clip);
}

WeightCodes WeightMethod::Codes(const LayerTensors& tensors) const {
  if (is_frozen(tensors)) return {tensors.at("codes"), tensors.at("code_scale")};
  const torch::Tensor scale = Scale(tensors);
  if (quantizer_.bits == 1) return {tensors.at("bits"), scale};
  return {SymmetricCodes(tensors.at("weight").detach(), scale, quantizer_.bits), scale};
}

void WeightMethod::AfterStep(LayerTensors& tensors) const {
  if (quantizer_.bits > 1) return;
  torch::Tensor& bits = tensors.at("bits");
  torch::Tensor& latent = tensors.at("weight");
  if (is_bop()) {
    torch::Tensor gradient = latent.grad();
    if (!gradient.defined()) return;
    bits = BopStep(bits, gradient * Scale(tensors), tensors.at("gradient_mean"), config_.bop_gamma,
                   config_.bop_tau);
    latent.mutable_grad().reset();  // no optimizer does it
    return;
  }
  const torch::Tensor signed_latent = Signed(latent.detach());
  torch::Tensor theta = torch::full({1}, config_.theta, latent.options().requires_grad(false));
  if (config_.theta_relative) {
    theta = theta * BinaryScale(signed_latent, quantizer_.per_channel);
  }
  bits = HysteresisBits(bits, signed_latent, theta);
}

}  // namespace signum::train
