// The methods of 1-bit weights.
#include <cmath>
#include <numbers>

#include "train/quantizers.h"
#include "train/sign_gradient.h"
#include "train/weight_methods.h"

namespace signum::train {
namespace {

// Bits are the signs, or hysteresis bits, of what a method makes of the latent weights.
class BinaryWeights : public WeightMethod {
 public:
  BinaryWeights(const WeightQuantizer& quantizer, const QuantizationConfig& config)
      : quantizer_(quantizer), config_(config) {}

  void AddTensors(LayerTensors& tensors) const override {
    tensors.erase("codes");
    tensors.erase("code_scale");
    const torch::Tensor latent = tensors.at("weight").detach();
    tensors["bits"] = HysteresisBits(latent, Signed(latent), torch::zeros({1}));
  }

  WeightCodes Codes(const LayerTensors& tensors) const override {
    return {tensors.at("bits"), Scale(tensors.at("weight").detach())};
  }

  int code_bits() const override { return 1; }

  void AfterStep(LayerTensors& tensors) const override {
    const torch::Tensor latent = Signed(tensors.at("weight").detach());
    torch::Tensor theta = torch::full({1}, config_.theta, latent.options());
    if (config_.theta_relative) theta = theta * BinaryScale(latent, quantizer_.per_channel);
    tensors.at("bits") = HysteresisBits(tensors.at("bits"), latent, theta);
  }

 protected:
  // What the bits are the signs of, with a gradient.
  virtual torch::Tensor Signed(const torch::Tensor& latent) const { return latent; }
  virtual torch::Tensor Scale(const torch::Tensor& latent) const {
    return BinaryScale(Signed(latent), quantizer_.per_channel);
  }

  WeightQuantizer quantizer_;
  QuantizationConfig config_;
};

class Xnor : public BinaryWeights {
 public:
  using BinaryWeights::BinaryWeights;
  torch::Tensor Weight(const LayerTensors& tensors, double) const override {
    return BinaryWeight(tensors.at("weight"), tensors.at("bits"), quantizer_.per_channel,
                        config_.clip);
  }
};

// Mean and deviation of the weights that share a scale, with a gradient.
struct Moments {
  torch::Tensor mean, deviation;
};

Moments MomentsOf(const torch::Tensor& latent, bool per_channel) {
  const std::vector<int64_t> axes = ScaleAxes(latent, per_channel);
  const torch::Tensor mean = latent.mean(axes, /*keepdim=*/true);
  // A channel of one weight, or of equal ones, has no deviation but that of rounding; the bound
  // is below the root, whose derivative has none at 0.
  const torch::Tensor rounding =
      (1e-6 * latent.detach().abs().amax(axes, /*keepdim=*/true)).square().clamp_min(1e-30);
  const torch::Tensor variance = (latent - mean).square().mean(axes, /*keepdim=*/true);
  return {mean, torch::maximum(variance, rounding).sqrt()};
}

torch::Tensor Standardized(const torch::Tensor& latent, bool per_channel) {
  const Moments moments = MomentsOf(latent, per_channel);
  return (latent - moments.mean) / moments.deviation;
}

class StandardizedWeights : public BinaryWeights {
 public:
  using BinaryWeights::BinaryWeights;

 protected:
  torch::Tensor Signed(const torch::Tensor& latent) const override {
    return Standardized(latent, /*per_channel=*/true);
  }
};

class IrNet : public StandardizedWeights {
 public:
  using StandardizedWeights::StandardizedWeights;
  torch::Tensor Weight(const LayerTensors& tensors, double progress) const override {
    const torch::Tensor& latent = tensors.at("weight");
    return SignedBits(Signed(latent), tensors.at("bits"), SignGradient::kEde, progress) *
           Scale(latent.detach());
  }

 protected:
  torch::Tensor Scale(const torch::Tensor& latent) const override {
    return torch::exp2(torch::round(torch::log2(StandardizedWeights::Scale(latent))));
  }
};

// The share of a layer's weights that are below the bound, after `progress` of the run: an
// exponential, whose exponent runs from 0 to 1.
double RectifiedShare(double progress) {
  constexpr double kFirst = .85, kLast = .99;
  return kFirst + (kLast - kFirst) * (std::exp(progress) - 1) / (std::numbers::e - 1);
}

class ReCu : public StandardizedWeights {
 public:
  using StandardizedWeights::StandardizedWeights;
  torch::Tensor Weight(const LayerTensors& tensors, double progress) const override {
    const torch::Tensor v = Signed(tensors.at("weight"));
    const double bound =
        -v.detach().abs().mean().item<double>() * std::log(2 - 2 * RectifiedShare(progress));
    const torch::Tensor rectified = torch::clamp(v, -bound, bound);
    return StraightThrough(rectified, tensors.at("bits")) * Scale(tensors.at("weight").detach());
  }
};

class AdaBin : public BinaryWeights {
 public:
  using BinaryWeights::BinaryWeights;

  torch::Tensor Weight(const LayerTensors& tensors, double progress) const override {
    const torch::Tensor& latent = tensors.at("weight");
    const auto [mean, deviation] = MomentsOf(latent, quantizer_.per_channel);
    const torch::Tensor bits =
        SignedBits((latent - mean) / deviation, tensors.at("bits"), SignGradient::kEde, progress);
    return bits * deviation + mean;
  }

  WeightCodes Codes(const LayerTensors& tensors) const override {
    const Moments moments = MomentsOf(tensors.at("weight").detach(), quantizer_.per_channel);
    return {tensors.at("bits"), moments.deviation, moments.mean};
  }

 protected:
  torch::Tensor Signed(const torch::Tensor& latent) const override {
    return Standardized(latent, quantizer_.per_channel);
  }
};

class Bop : public BinaryWeights {
 public:
  using BinaryWeights::BinaryWeights;

  void AddTensors(LayerTensors& tensors) const override {
    BinaryWeights::AddTensors(tensors);
    tensors["gradient_mean"] = torch::zeros_like(tensors.at("weight"));
  }

  // The gradient is that of a bit, whose scale is a constant.
  torch::Tensor Weight(const LayerTensors& tensors, double) const override {
    return BinaryWeight(tensors.at("weight"), tensors.at("bits"), quantizer_.per_channel,
                        /*clip=*/false);
  }

  void AfterStep(LayerTensors& tensors) const override {
    torch::Tensor& latent = tensors.at("weight");
    const torch::Tensor gradient = latent.grad();
    if (!gradient.defined()) return;
    tensors.at("bits") = BopStep(tensors.at("bits"), gradient * Scale(latent.detach()),
                                 tensors.at("gradient_mean"), config_.bop_gamma, config_.bop_tau);
    latent.mutable_grad().reset();  // no optimizer does it
  }

  bool learns_latents() const override { return false; }
};

}  // namespace

std::unique_ptr<const WeightMethod> MakeBinaryMethod(const WeightQuantizer& quantizer,
                                                     const QuantizationConfig& config) {
  if (config.binary_method == "ir-net") return std::make_unique<IrNet>(quantizer, config);
  if (config.binary_method == "recu") return std::make_unique<ReCu>(quantizer, config);
  if (config.binary_method == "adabin") return std::make_unique<AdaBin>(quantizer, config);
  if (config.binary_method == "bop") return std::make_unique<Bop>(quantizer, config);
  return std::make_unique<Xnor>(quantizer, config);
}

}  // namespace signum::train
