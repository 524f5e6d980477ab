#include "quant/histogram.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"

namespace signum::quant {

Histogram::Histogram(Range range, int bins)
    : range_{std::min(range.low, 0.0f), std::max(range.high, 0.0f)},
      counts_(static_cast<size_t>(bins)) {
  SIGNUM_CHECK(bins >= 1);
}

Histogram::Histogram(Range range, std::vector<int64_t> counts)
    : range_(range), counts_(std::move(counts)) {
  SIGNUM_CHECK(!counts_.empty() && range.low <= 0 && range.high >= 0);
}

double Histogram::bin_width() const { return (double{range_.high} - double{range_.low}) / bins(); }

float Histogram::Edge(int bin) const {
  if (bin == bins()) return range_.high;
  return static_cast<float>(double{range_.low} + bin_width() * bin);
}

int64_t Histogram::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), int64_t{0});
}

void Histogram::Add(std::span<const float> values) {
  const double low = range_.low;
  const double last = bins() - 1;
  // Of bins narrower than this the reciprocal may not be finite.
  const double width = bin_width();
  const double bins_per_unit = width > 1e-300 ? 1.0 / width : 0.0;
  for (const float value : values) {
    const double bin = (double{value} - low) * bins_per_unit;
    ++counts_[static_cast<size_t>(bin > 0 ? (bin < last ? bin : last) : 0)];
  }
}

}  // namespace signum::quant
