#include <algorithm>
#include <cmath>
#include <utility>

#include "report/chart.h"

namespace signum::report {
namespace {

constexpr double kMostTicks = 100;

void Widen(double& low, double& high) {
  if (!std::isfinite(low) || !std::isfinite(high)) {
    low = 0;
    high = 1;
  }
  if (low > high) std::swap(low, high);
  if (low == high) {
    const double margin = low == 0 ? 0.5 : std::abs(low) * 0.1;
    low -= margin;
    high += margin;
  }
}

}  // namespace

std::vector<double> NiceTicks(double low, double high, int wanted, bool whole) {
  Widen(low, high);
  const double rough = (high - low) / std::max(1, wanted);
  const double magnitude = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * magnitude;
  for (double factor : {5.0, 2.0, 1.0}) {
    if (rough <= factor * magnitude * (1 + 1e-9)) step = factor * magnitude;
  }
  if (whole) step = std::max(step, 1.0);
  // A thousandth of a step is rounding, not data beyond the tick.
  const double first = std::floor(low / step + 1e-3);
  const double last = std::ceil(high / step - 1e-3);
  const double steps = last - first;
  // Bounds that differ by less than their own precision, or by more than a double holds.
  if (!(steps >= 1 && steps <= kMostTicks)) return {low, high};
  std::vector<double> ticks;
  for (int i = 0; i <= static_cast<int>(steps); ++i) ticks.push_back((first + i) * step);
  return ticks;
}

}  // namespace signum::report
