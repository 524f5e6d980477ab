#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace signum::train {
namespace {

// From `from` at share 0 to `to` at share 1, along half a cosine.
double Anneal(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

double OneCycle(double peak, double share) {
  constexpr double kRise = 0.3;
  const double start = peak / 25;
  if (share < kRise) return Anneal(start, peak, share / kRise);
  return Anneal(peak, start / 1e4, (share - kRise) / (1 - kRise));
}

}  // namespace

double LearningRate(const TrainConfig& config, int64_t step, int64_t steps,
                    int64_t steps_per_epoch) {
  const double peak = config.learning_rate;
  const double warmup = config.warmup_epochs * static_cast<double>(steps_per_epoch);
  const double at = static_cast<double>(step);
  if (at < warmup) return peak * (at + 1) / (warmup + 1);
  const double rest = std::max(1.0, static_cast<double>(steps) - warmup - 1);
  const double share = std::min(1.0, (at - warmup) / rest);
  if (config.schedule == "cosine") return Anneal(peak, 0, share);
  if (config.schedule == "one-cycle") return OneCycle(peak, share);
  double rate = peak;
  if (config.schedule == "multi-step") {
    for (double milestone : config.milestones) {
      if (at >= milestone * static_cast<double>(steps)) rate *= config.milestone_factor;
    }
  }
  return rate;
}

}  // namespace signum::train
