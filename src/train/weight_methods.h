// How weights are quantized while they learn: from latent values to codes and scales, and the
// gradient back. What a method keeps beside its latent values, it keeps in the layer's tensors,
// by role. Knows no graph.
//
// Of 1 bit:
//   xnor    codes sign(w), or hysteresis bits; scale mean |w| (Rastegari et al., "XNOR-Net",
//           ECCV 2016, section 3.1); the gradient of the weight is taken for that of w, with
//           `clip` inside |w| < 1 only (Hubara et al., NeurIPS 2016, section 2.3)
//   ir-net  codes sign(v), or hysteresis bits of v, of v = (w - mean) / deviation of the output
//   channel; scale
//           2^round(log2(mean |v|)); EDE's gradient (sign_gradient.h)
//           (Qin et al., CVPR 2020, equations 6 to 8)
//   bop     no latent values: a bit flips where the mean of its gradients, decaying by gamma a
//           step, is above tau in magnitude and of the bit's own sign; scale mean |w| of the
//           first weights (Helwegen et al., "Latent Weights Do Not Exist", NeurIPS 2019,
//           algorithm 1). Keeps "gradient_mean".
// Of 2 to 8 bits, codes within +-(2^(bits-1) - 1):
//   min-max scale max |w| / highest code; straight-through gradient
//   lsq     learned scale, from 2 mean |w| / sqrt(highest code) on, with a gradient that is
//           divided by sqrt(weights * highest code)
//           (Esser et al., "Learned Step Size Quantization", ICLR 2020, section 2). Keeps "step".
#ifndef SIGNUM_TRAIN_WEIGHT_METHODS_H_
#define SIGNUM_TRAIN_WEIGHT_METHODS_H_

#include <torch/torch.h>

#include <map>
#include <string>

#include "graph/ops.h"
#include "train/config.h"

namespace signum::train {

// By role: "weight" the latent values; "codes" and "code_scale", where the network has them;
// "bits" -1 and +1 of 1-bit weights, and what else a method keeps.
using LayerTensors = std::map<std::string, torch::Tensor>;

// Scale times codes is the weight: codes in the shape of the weight, scale {channels, 1, ...} or
// {1, 1, ...}.
struct WeightCodes {
  torch::Tensor codes, scale;
};

class WeightMethod {
 public:
  // How weights of `quantizer` learn by `config`, whose methods are known ones.
  WeightMethod(const WeightQuantizer& quantizer, const QuantizationConfig& config)
      : quantizer_(quantizer), config_(config) {}

  // Adds what the method keeps; "weight" is there, and codes may be, which stay if frozen.
  void AddTensors(LayerTensors& tensors) const;

  // What a layer multiplies by, as floats with a gradient to what learns. progress: the share of
  // the run that is behind, 0 to 1.
  torch::Tensor Weight(const LayerTensors& tensors, double progress) const;

  // The same without a gradient.
  WeightCodes Codes(const LayerTensors& tensors) const;

  // To be called after each optimizer step, without gradients: brings bits up to date.
  void AfterStep(LayerTensors& tensors) const;

  // Whether the optimizer moves the latent values.
  bool learns_latents() const { return !is_bop(); }

 private:
  bool is_frozen(const LayerTensors& tensors) const { return tensors.contains("codes"); }
  bool is_bop() const { return quantizer_.bits == 1 && config_.binary_method == "bop"; }
  bool is_ir_net() const { return quantizer_.bits == 1 && config_.binary_method == "ir-net"; }
  bool is_lsq() const { return quantizer_.bits > 1 && config_.weight_method == "lsq"; }
  // What the bits are the signs of, with a gradient.
  torch::Tensor Signed(const torch::Tensor& latent) const;
  torch::Tensor Scale(const LayerTensors& tensors) const;

  WeightQuantizer quantizer_;
  QuantizationConfig config_;
};

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_WEIGHT_METHODS_H_
