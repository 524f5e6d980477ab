#include "quant/arithmetic.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace signum::quant {
namespace {

// Smaller scales would be subnormal, whose handling differs between machines.
float Positive(double scale) {
  return std::max(static_cast<float>(scale), std::numeric_limits<float>::min());
}

}  // namespace

float MeanMagnitude(std::span<const float> weights) {
  double sum = 0;
  for (float w : weights) sum += std::fabs(w);
  return Positive(sum / static_cast<double>(weights.size()));
}

float SymmetricScale(std::span<const float> weights, int bits) {
  float largest = 0;
  for (float w : weights) largest = std::max(largest, std::fabs(w));
  return Positive(double{largest} / ((1 << (bits - 1)) - 1));
}

float SymmetricScale(std::span<const float> weights, int bits, const RangeChoice& choice) {
  if (choice.method == RangeMethod::kMinMax) return SymmetricScale(weights, bits);
  float largest = 0;
  for (float w : weights) largest = std::max(largest, std::fabs(w));
  Histogram histogram({-largest, largest});
  histogram.Add(weights);
  const Range range = ChooseRange(histogram, choice, bits, /*symmetric=*/true);
  return Positive(double{std::max(-range.low, range.high)} / ((1 << (bits - 1)) - 1));
}

QuantizedWeight QuantizeWeights(std::span<const float> weights, int64_t rows, int bits,
                                bool per_channel, const RangeChoice& choice) {
  SIGNUM_CHECK(rows > 0 && weights.size() % static_cast<size_t>(rows) == 0);
  const size_t length = weights.size() / static_cast<size_t>(per_channel ? rows : 1);
  QuantizedWeight out;
  out.codes.reserve(weights.size());
  for (size_t begin = 0; begin < weights.size(); begin += length) {
    const auto row = weights.subspan(begin, length);
    const float scale = bits == 1 ? MeanMagnitude(row) : SymmetricScale(row, bits, choice);
    out.scales.push_back(scale);
    for (float w : row) {
      out.codes.push_back(
          static_cast<int8_t>(bits == 1 ? Sign(w) : QuantizeWeight(w, scale, bits)));
    }
  }
  return out;
}

}  // namespace signum::quant
