#include "quant/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/arithmetic.h"

namespace signum::quant {

float LeastErrorScale(std::span<const float> samples, int zero_point, int bits) {
  float largest = 0;
  for (float x : samples) largest = std::max(largest, std::fabs(x));
  // The codes on the side of zero that has more of them set the range.
  const int highest = (1 << bits) - 1;
  const int reach = std::max(highest - zero_point, zero_point);
  float best_scale =
      std::max(largest / static_cast<float>(reach), std::numeric_limits<float>::min());
  double best_error = std::numeric_limits<double>::infinity();
  for (int step = 100; step >= 1 && largest > 0; --step) {
    const float scale = largest * static_cast<float>(step) / 100.0f / static_cast<float>(reach);
    if (scale < std::numeric_limits<float>::min()) break;
    double error = 0;
    for (float x : samples) {
      const float kept =
          DequantizeValue(QuantizeValue(x, scale, zero_point, bits), scale, zero_point);
      error += double{x - kept} * double{x - kept};
    }
    if (error < best_error) {
      best_error = error;
      best_scale = scale;
    }
  }
  return best_scale;
}

}  // namespace signum::quant
