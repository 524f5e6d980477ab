// How weights are quantized while they learn: from latent values to codes and scales, and the
// gradient back. What a method keeps beside its latent values, it keeps in the layer's tensors,
// by role. Knows no graph.
//
// Of 1 bit (binary_weights.cc), where v = (w - mean) / deviation of the output channel:
//   xnor      codes sign(w), or hysteresis bits; scale mean |w| (Rastegari et al., "XNOR-Net",
//             ECCV 2016, section 3.1); the gradient of the weight is taken for that of w, with
//             `clip` inside |w| < 1 only (Hubara et al., NeurIPS 2016, section 2.3)
//   ir-net    codes sign(v), or hysteresis bits of v; scale 2^round(log2(mean |v|)); EDE's
//             gradient (sign_gradient.h) (Qin et al., CVPR 2020, equations 6 to 8)
//   recu      codes as ir-net's, scale mean |v|; the gradient passes where v is within +-Q, the
//             tau-quantile -mean |v| ln(2 - 2 tau) of a layer's Laplace distribution; tau grows
//             from .85 to .99 by an exponential of the run's progress (Xu et al., "ReCU", ICCV
//             2021, sections 3.2 to 3.4, where a scale is learned, as batch norms do here)
//   adabin    codes sign(v), or hysteresis bits of v; scale the deviation, offset the mean; EDE's
//             gradient, and that of mean and deviation (Tu et al., "AdaBin", ECCV 2022, section
//             3.2)
//   bop       no latent values: a bit flips where the mean of its gradients, decaying by gamma a
//             step, is above tau in magnitude and of the bit's own sign; scale mean |w| of the
//             first weights (Helwegen et al., "Latent Weights Do Not Exist", NeurIPS 2019,
//             algorithm 1). Keeps "gradient_mean".
// Of 2 to 8 bits (integer_weights.cc), codes within +-(2^(bits-1) - 1) but for dorefa:
//   min-max   scale max |w| / highest code; straight-through gradient
//   lsq       learned scale, from 2 mean |w| / sqrt(highest code) on, with a gradient that is
//             divided by sqrt(weights * highest code)
//             (Esser et al., "Learned Step Size Quantization", ICLR 2020, section 2). Keeps "step".
//   dorefa    m (2 round(n (tanh(w) / 2m + 1/2)) / n - 1), n = 2^bits - 1, m = max |tanh(w)| of
//             the layer; gradient 1 - tanh(w)^2 (Zhou et al., "DoReFa-Net", 2016, equation 9, where
//             m is not multiplied by, as batch norms follow). Its codes are the odd numbers within
//             +-n, of one bit more; of 8 bits, for which no byte has room, all within +-127.
//   ternary   of 2 bits: sign(w) where |w| > .7 mean |w|, else 0; scale mean |w| of the former;
//             straight-through gradient (Li and Liu, "Ternary Weight Networks", 2016, section 2.2)
#ifndef SIGNUM_TRAIN_WEIGHT_METHODS_H_
#define SIGNUM_TRAIN_WEIGHT_METHODS_H_

#include <torch/torch.h>

#include <map>
#include <memory>
#include <string>

#include "graph/ops.h"
#include "train/config.h"

namespace signum::train {

// By role: "weight" the latent values; "codes" and "code_scale", where the network has them;
// "bits" -1 and +1 of 1-bit weights, and what else a method keeps.
using LayerTensors = std::map<std::string, torch::Tensor>;

// Scale times codes, plus the offset where it is defined, is the weight: codes in the shape of the
// weight, scale and offset {channels, 1, ...} or {1, 1, ...}.
struct WeightCodes {
  torch::Tensor codes, scale, offset;
};

class WeightMethod {
 public:
  virtual ~WeightMethod() = default;

  // Adds what the method keeps. "weight" is there; "codes" may be, and are consumed.
  virtual void AddTensors(LayerTensors& tensors) const = 0;

  // What a layer multiplies by, as floats with a gradient to what learns. progress: the share of
  // the run that is behind, 0 to 1.
  virtual torch::Tensor Weight(const LayerTensors& tensors, double progress) const = 0;

  // The same without a gradient.
  virtual WeightCodes Codes(const LayerTensors& tensors) const = 0;

  // The bits of a weight that has these codes.
  virtual int code_bits() const = 0;

  // To be called after each optimizer step, without gradients: brings bits up to date.
  virtual void AfterStep(LayerTensors&) const {}

  // Whether the optimizer moves the latent values.
  virtual bool learns_latents() const { return true; }
};

// How weights of `quantizer` learn by `config`, whose methods are known ones; or, where that is
// frozen and `has_codes`, how they stay what they are.
std::unique_ptr<const WeightMethod> MakeWeightMethod(const WeightQuantizer& quantizer,
                                                     const QuantizationConfig& config,
                                                     bool has_codes);

// The parts of it, by file.
std::unique_ptr<const WeightMethod> MakeBinaryMethod(const WeightQuantizer& quantizer,
                                                     const QuantizationConfig& config);
std::unique_ptr<const WeightMethod> MakeIntegerMethod(const WeightQuantizer& quantizer,
                                                      const QuantizationConfig& config);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_WEIGHT_METHODS_H_
