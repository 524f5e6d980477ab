// The arithmetic of quantized values and of weights by the default methods, as pure functions on
// numbers. This is the one definition: the trainer's fake quantization and the runtime's kernels
// are tested against it. docs/quantization.md derives the formulas. How other methods find codes
// and scales is the trainer's business (train/weight_methods.h); what codes mean is the same. Knows
// no graph, no tensor library and no kernel.
#ifndef SIGNUM_QUANT_ARITHMETIC_H_
#define SIGNUM_QUANT_ARITHMETIC_H_

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/range.h"

namespace signum::quant {

// sign with sign(0) = +1, also for -0.
inline int Sign(float x) { return x >= 0.0f ? 1 : -1; }

// Rounds to the nearest integer, ties to even (IEEE 754 roundTiesToEven, the
// default rounding mode, which Signum never changes).
inline float RoundHalfEven(float x) { return std::nearbyintf(x); }

// The code of a k-bit value, k = 2..8:
// clamp(round_half_even(x / scale) + zero_point, 0, 2^bits - 1). NaN gives 0.
inline int QuantizeValue(float x, float scale, int zero_point, int bits) {
  const float highest = static_cast<float>((1 << bits) - 1);
  const float code = RoundHalfEven(x / scale) + static_cast<float>(zero_point);
  return static_cast<int>(code > 0.0f ? (code < highest ? code : highest) : 0.0f);
}

inline float DequantizeValue(int code, float scale, int zero_point) {
  return scale * static_cast<float>(code - zero_point);
}

// A symmetric k-bit weight code, k = 2..8: clamp(round_half_even(w / scale),
// -(2^(bits-1) - 1), 2^(bits-1) - 1).
inline int QuantizeWeight(float w, float scale, int bits) {
  const float highest = static_cast<float>((1 << (bits - 1)) - 1);
  const float code = RoundHalfEven(w / scale);
  return static_cast<int>(code > -highest ? (code < highest ? code : highest) : -highest);
}

// alpha = mean |w|, the least-squares scale of sign(w) (XNOR-Net, Rastegari et
// al. 2016, section 3.1). Summed in double, in order. Never 0: an all-zero row
// gets the smallest normal float, so that scales stay positive.
float MeanMagnitude(std::span<const float> weights);

// max |w| / (2^(bits-1) - 1), the min-max scale of a k-bit symmetric weight,
// k = 2..8. Never 0, as above.
float SymmetricScale(std::span<const float> weights, int bits);

// The hysteresis threshold: a weight keeps its bit until its latent value
// reaches the other side: +1 flips at latent <= -theta, -1 at latent >= theta.
// theta = 0 is Sign (a latent of exactly 0 is +1).
inline int HysteresisBit(int bit, float latent, float theta) {
  if (theta == 0.0f) return Sign(latent);
  if (bit > 0) return latent <= -theta ? -1 : 1;
  return latent >= theta ? 1 : -1;
}

// A weight as codes and scales.
struct QuantizedWeight {
  std::vector<int8_t> codes;  // as many as weights
  std::vector<float> scales;  // one per row, or one
};

// The same for a range chosen from the histogram of the weights, which spans
// max |w| on both sides. The range's larger bound takes the place of max |w|.
float SymmetricScale(std::span<const float> weights, int bits, const RangeChoice& choice);

// Quantizes `rows` rows (output channels) of equal length, stored one after the
// other: MeanMagnitude and Sign for 1 bit, SymmetricScale and QuantizeWeight for
// 2 to 8. weights.size() must be a multiple of rows.
QuantizedWeight QuantizeWeights(std::span<const float> weights, int64_t rows, int bits,
                                bool per_channel, const RangeChoice& choice = {});

}  // namespace signum::quant

#endif  // SIGNUM_QUANT_ARITHMETIC_H_
