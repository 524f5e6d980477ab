// Choosing a quantizer's scale from sample values. Pure functions on numbers.
#ifndef SIGNUM_QUANT_CALIBRATION_H_
#define SIGNUM_QUANT_CALIBRATION_H_

#include <span>

namespace signum::quant {

// The scale of a k-bit value quantizer, k = 2..8, with the least mean squared
// error on `samples`, among 100 clipping ranges from the largest magnitude down
// to a hundredth of it. Above 0 also for samples that are all zero.
float LeastErrorScale(std::span<const float> samples, int zero_point, int bits);

}  // namespace signum::quant

#endif  // SIGNUM_QUANT_CALIBRATION_H_
