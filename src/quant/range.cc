#include "quant/range.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace signum::quant {
namespace {

constexpr RangeMethod kMethods[] = {RangeMethod::kMinMax, RangeMethod::kPercentile,
                                    RangeMethod::kL2};

// Integrals of a histogram in units of bins: the density of bin i is its count,
// positions run from 0 to bins.
class Moments {
 public:
  explicit Moments(const Histogram& histogram)
      : counts_(histogram.counts().begin(), histogram.counts().end()), mass_(1), first_(1) {
    std::vector<double> second(1);
    for (size_t i = 0; i < counts_.size(); ++i) {
      const double n = counts_[i];
      const auto at = static_cast<double>(i);
      mass_.push_back(mass_[i] + n);
      first_.push_back(first_[i] + n * (at + 0.5));
      second.push_back(second[i] + n * (at * at + at + 1.0 / 3));
    }
    second_total_ = second.back();
    for (size_t i = 0; i < second.size(); ++i) {
      const auto at = static_cast<double>(i);
      below_.push_back(second[i] - 2 * at * first_[i] + at * at * mass_[i]);
      above_.push_back((second.back() - second[i]) - 2 * at * (first_.back() - first_[i]) +
                       at * at * (mass_.back() - mass_[i]));
    }
  }

  int bins() const { return static_cast<int>(counts_.size()); }

  // The squared error of `cells` equal cells over [start, start + width).
  double Error(int start, int width, int cells) const {
    const double cell = static_cast<double>(width) / cells;
    double error = second_total_;
    double mass = 0, first = 0;  // up to the cell
    for (int i = 0; i < cells; ++i) {
      double next_mass = mass_.back(), next_first = first_.back();
      if (i + 1 < cells) UpTo(start + cell * (i + 1), next_mass, next_first);
      const double center = start + cell * (i + 0.5);
      error += center * (center * (next_mass - mass) - 2 * (next_first - first));
      mass = next_mass;
      first = next_first;
    }
    return std::max(error, 0.0);
  }

  // Less than the error of any cells over the range: what is outside of it has to
  // move to its end at least.
  double ClippingError(int start, int width) const {
    return below_[std::clamp(start, 0, bins())] + above_[std::clamp(start + width, 0, bins())];
  }

 private:
  // Integrals of 1 and of the position from 0 to `position`.
  void UpTo(double position, double& mass, double& first) const {
    position = std::clamp(position, 0.0, static_cast<double>(bins()));
    const int bin = std::min(static_cast<int>(position), bins() - 1);
    const double part = position - bin;
    mass = mass_[bin] + counts_[bin] * part;
    first = first_[bin] + counts_[bin] * part * (bin + part / 2);
  }

  std::vector<double> counts_;
  std::vector<double> mass_, first_;  // before each bin
  double second_total_ = 0;
  std::vector<double> below_, above_;  // squared distances from an edge, of what is outside
};

// The first and one past the last start to try for a width.
std::pair<int, int> Starts(const Histogram& histogram, int width, bool symmetric) {
  if (!symmetric) return {0, histogram.bins() - width + 1};
  if (histogram.range().low == 0) return {0, 1};
  const auto zero =
      static_cast<int>(std::lround(-double{histogram.range().low} / histogram.bin_width()));
  return {zero - width / 2, zero - width / 2 + 1};
}

}  // namespace

std::string RangeMethodName(RangeMethod method) {
  switch (method) {
    case RangeMethod::kMinMax: return "min-max";
    case RangeMethod::kPercentile: return "percentile";
    case RangeMethod::kL2: return "l2";
  }
  return "";
}

std::vector<std::string> RangeMethodNames() {
  std::vector<std::string> names;
  for (RangeMethod method : kMethods) names.push_back(RangeMethodName(method));
  return names;
}

Result<RangeMethod> ParseRangeMethod(const std::string& name) {
  for (RangeMethod method : kMethods) {
    if (RangeMethodName(method) == name) return method;
  }
  return InvalidArgument(fmt::format("there is no way '{}' to choose a range; take one of {}", name,
                                     fmt::join(RangeMethodNames(), ", ")));
}

Range PercentileRange(const Histogram& histogram, double percentile) {
  const auto counts = histogram.counts();
  const double left_out = static_cast<double>(histogram.total()) * (100 - percentile) / 100;
  if (histogram.total() == 0) return histogram.range();
  int begin = 0, end = histogram.bins();
  for (double sum = 0; (sum += static_cast<double>(counts[begin])) <= left_out;) ++begin;
  for (double sum = 0; (sum += static_cast<double>(counts[end - 1])) <= left_out;) --end;
  return {std::min(histogram.Edge(begin), 0.0f), std::max(histogram.Edge(end), 0.0f)};
}

NormSearch LeastNormRange(const Histogram& histogram, int bits, bool symmetric) {
  SIGNUM_CHECK(bits >= 1 && bits <= 8);
  const double unit = histogram.bin_width();
  if (unit == 0) return {histogram.range(), 0};
  const Moments moments(histogram);
  const int bins = histogram.bins();
  // The whole range's error bounds the least one; the margin is for rounding.
  double bound = moments.Error(Starts(histogram, bins, symmetric).first, bins, 1 << bits);
  int best_start = 0, best_width = 0;
  double best = std::numeric_limits<double>::infinity();
  for (int width = 1; width <= bins; ++width) {
    const auto [first, last] = Starts(histogram, width, symmetric);
    for (int start = first; start < last; ++start) {
      if (moments.ClippingError(start, width) > bound * (1 + 1e-6)) continue;
      const double error = moments.Error(start, width, 1 << bits);
      if (error >= best) continue;
      best = error;
      best_start = start;
      best_width = width;
      bound = std::min(bound, best);
    }
  }
  const auto edge = [&](int bin) {
    return static_cast<float>(double{histogram.range().low} + unit * bin);
  };
  return {{edge(best_start), edge(best_start + best_width)}, best * unit * unit};
}

Range ChooseRange(const Histogram& histogram, const RangeChoice& choice, int bits, bool symmetric) {
  switch (choice.method) {
    case RangeMethod::kMinMax: return histogram.range();
    case RangeMethod::kPercentile: return PercentileRange(histogram, choice.percentile);
    case RangeMethod::kL2: return LeastNormRange(histogram, bits, symmetric).range;
  }
  return histogram.range();
}

}  // namespace signum::quant
