// Affine quantizers: from a range of values to a scale and a zero-point. Pure
// functions on numbers.
#ifndef SIGNUM_QUANT_AFFINE_H_
#define SIGNUM_QUANT_AFFINE_H_

#include <cstdint>

namespace signum::quant {

// The values that codes have to cover: [low, high].
struct Range {
  float low = 0, high = 0;
  bool operator==(const Range&) const = default;
};

// A code q stands for scale * (q - zero_point).
struct AffineParameters {
  float scale = 1.0f;  // a normal float above 0
  int zero_point = 0;  // within the codes
  bool operator==(const AffineParameters&) const = default;
};

// The scale and the zero-point with which the codes [lowest, highest] cover
// `range`, extended to hold 0: 0 is a code, exactly, for padding and ReLU are made
// of it. `symmetric`, where the range has both signs: 0 is the middle code and the
// larger side sets the scale. A range of 0 alone, or one too small for a normal
// scale, gets the scale 0.1.
//
// The arithmetic is that of FBGEMM's ChooseQuantizationParams (Khudia et al.,
// "FBGEMM: Enabling High-Performance Low-Precision Deep Learning Inference", 2021),
// with the nudged zero-point of Jacob et al., CVPR 2018, section 3: the scale is
// computed in double and rounded; the zero-point comes from the end with the
// smaller terms, rounded half to even. The lower bound on scales that copies of it
// have is left out. Both bounds finite, low <= high, lowest < highest.
AffineParameters ChooseQuantizationParams(Range range, int lowest, int highest, bool symmetric);

}  // namespace signum::quant

#endif  // SIGNUM_QUANT_AFFINE_H_
