#include "quant/affine.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace signum::quant {
namespace {

constexpr float kScaleOfNothing = 0.1f;

// Widens the range so that the middle code is 0. The sides differ by one code
// where their number is even.
Range Symmetric(Range range, int below, int above) {
  const double scale = std::max(std::fabs(range.low / static_cast<float>(below)),
                                std::fabs(range.high / static_cast<float>(above)));
  return {static_cast<float>(-scale * below), static_cast<float>(scale * above)};
}

}  // namespace

AffineParameters ChooseQuantizationParams(Range range, int lowest, int highest, bool symmetric) {
  SIGNUM_CHECK(lowest < highest && range.low <= range.high);
  const bool centered = symmetric && range.low < 0 && range.high > 0;
  const int middle = static_cast<int>(std::nearbyint((lowest + highest) / 2.0));
  if (centered) range = Symmetric(range, middle - lowest, highest - middle);
  const float low = std::min(range.low, 0.0f);
  const float high = std::max(range.high, 0.0f);
  // Rounded before the zero-point is sought: the scale that codes are read with.
  const double exact = (double{high} - double{low}) / (double(highest) - lowest);
  float scale = static_cast<float>(exact);
  if (scale < std::numeric_limits<float>::min()) scale = kScaleOfNothing;
  // Known twice: `low` is the lowest code, and `high` the highest.
  const double steps_below = double{low} / scale;
  const double steps_above = double{high} / scale;
  const double from_low = lowest - steps_below;
  const double from_high = highest - steps_above;
  const double terms_of_low = std::abs(lowest) + std::fabs(steps_below);
  const double terms_of_high = std::abs(highest) + std::fabs(steps_above);
  double zero_point = terms_of_low < terms_of_high ? from_low : from_high;
  if (centered) zero_point = middle;
  zero_point = std::clamp(zero_point, double(lowest), double(highest));
  return {scale, static_cast<int>(std::nearbyint(zero_point))};
}

}  // namespace signum::quant
