// Fake quantization for training: the arithmetic of quant/arithmetic.h on torch
// tensors, with the gradients that let a network learn through it. Knows no
// graph and no optimizer.
#ifndef SIGNUM_TRAIN_QUANTIZERS_H_
#define SIGNUM_TRAIN_QUANTIZERS_H_

#include <torch/torch.h>

#include "train/sign_gradient.h"

namespace signum::train {

// s (clamp(round_half_even(x / s) + z, 0, 2^bits - 1) - z) for bits = 2..8.
// scale: {1}. Gradients after LSQ (Esser et al., "Learned Step Size
// Quantization", ICLR 2020, section 2.1): identity for x inside the range, and
// for the scale the quantization error inside and the bound of code - z outside,
// times 1 / sqrt(features per image * largest |code - z|). kPact (Choi et al., "PACT", 2018,
// equation 3) learns from what is clipped alone: the bound of code - z outside and 0 inside, over
// the square of the largest |code - z|, so that a step moves alpha = scale * largest |code - z|
// as its own gradient would.
enum class ValueMethod : int64_t { kLsq, kPact };
torch::Tensor FakeQuantize(const torch::Tensor& x, const torch::Tensor& scale, int zero_point,
                           int bits, ValueMethod method = ValueMethod::kLsq);

// scale sign(x - shift_c), sign(0) = +1, x: {n, c, ...}; shift: {c} or undefined.
// Gradient: times SignSlope of x - shift_c, and times the scale but for kStraightThrough, which
// takes the value for x itself; for the shift its negative (RSign, Liu et al., "ReActNet", ECCV
// 2020, section 4.2), for the scale that of a product.
torch::Tensor FakeSign(const torch::Tensor& x, const torch::Tensor& scale,
                       const torch::Tensor& shift,
                       SignGradient gradient = SignGradient::kStraightThrough, double progress = 0);

// alpha_c * bits, alpha_c = mean |latent| over output channel c (over the whole
// tensor where !per_channel). bits: -1 and +1 in the shape of latent.
// Straight-through gradient to the latents, inside |latent| < 1 only if `clip`.
torch::Tensor BinaryWeight(const torch::Tensor& latent, const torch::Tensor& bits, bool per_channel,
                           bool clip);

// alpha_c as BinaryWeight uses it: {c, 1, ...} or {1, 1, ...}.
torch::Tensor BinaryScale(const torch::Tensor& latent, bool per_channel);

// The axes that a scale of `weight` runs over: those of an output channel, or all.
std::vector<int64_t> ScaleAxes(const torch::Tensor& weight, bool per_channel);

// The bits after a step: quant::HysteresisBit element by element. theta is one
// threshold, or has a threshold per output channel in a shape that broadcasts.
torch::Tensor HysteresisBits(const torch::Tensor& bits, const torch::Tensor& latent,
                             const torch::Tensor& theta);

// `bits`, -1 and +1, as if they were sign(x): the gradient goes to x, times SignSlope.
torch::Tensor SignedBits(const torch::Tensor& x, const torch::Tensor& bits, SignGradient gradient,
                         double progress);

// The bits after a step of Bop, given the gradient of each: m becomes (1 - gamma) m + gamma
// gradient, and a bit flips where |m| > tau and m has its sign. Changes m.
torch::Tensor BopStep(const torch::Tensor& bits, const torch::Tensor& gradient, torch::Tensor& m,
                      double gamma, double tau);

// The min-max scale of SymmetricWeight, in the shape of BinaryScale's.
torch::Tensor SymmetricScale(const torch::Tensor& weight, int bits, bool per_channel);

// quant::QuantizeWeight for bits = 2..8: round(weight / scale), clamped to the codes.
torch::Tensor SymmetricCodes(const torch::Tensor& weight, const torch::Tensor& scale, int bits);

// scale times SymmetricCodes with the min-max scale;
// straight-through gradient.
torch::Tensor SymmetricWeight(const torch::Tensor& weight, int bits, bool per_channel);

// step times round(weight / step), clamped to the codes of bits = 2..8; step: {c, 1, ...} or
// {1, 1, ...}. Gradients as FakeQuantize's by LSQ, those of steps times
// 1 / sqrt(weights of a step * highest code).
torch::Tensor LearnedStepWeight(const torch::Tensor& weight, const torch::Tensor& step, int bits);

// `value` with the gradient of x: straight through whatever made the one of the other.
inline torch::Tensor StraightThrough(const torch::Tensor& x, const torch::Tensor& value) {
  return x + (value - x).detach();
}

// DoReFa's codes of numbers from -1 to 1, which they stand for times DoReFaHighest(bits): odd ones
// within +-(2^bits - 1) for bits = 2..7, and for 8, of which 256 odd ones fit no byte, all within
// +-127.
torch::Tensor DoReFaCodes(const torch::Tensor& unit, int bits);
constexpr int DoReFaHighest(int bits) { return bits == 8 ? 127 : (1 << bits) - 1; }

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_QUANTIZERS_H_
