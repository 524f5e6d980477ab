#include "train/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "train/sign_gradient.h"

namespace signum::train {
namespace {

constexpr const char* kOptimizers[] = {"sgd", "adam", "adamw"};
constexpr const char* kSchedules[] = {"constant", "multi-step", "cosine", "one-cycle"};
constexpr const char* kBinaryMethods[] = {"xnor", "ir-net", "bop"};
constexpr const char* kWeightMethods[] = {"min-max", "lsq"};
constexpr const char* kValueMethods[] = {"lsq", "pact"};

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

Status OneOf(const char* flag, const std::string& value, std::span<const char* const> all) {
  std::string list;
  for (const char* name : all) {
    if (value == name) return {};
    list += list.empty() ? name : std::string(", ") + name;
  }
  return InvalidArgument(fmt::format("--{} {} is not known; choose one of {}", flag, value, list));
}

Status InRange(const char* flag, double value, double low, double high) {
  if (value >= low && value <= high) return {};
  return InvalidArgument(fmt::format("--{} {} is outside {} to {}", flag, value, low, high));
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

Status CheckConfig(const TrainConfig& c) {
  SIGNUM_RETURN_IF_ERROR(OneOf("optimizer", c.optimizer, kOptimizers));
  SIGNUM_RETURN_IF_ERROR(OneOf("schedule", c.schedule, kSchedules));
  if (c.warmup_epochs > 0 && c.schedule == "one-cycle") {
    return InvalidArgument(
        "--schedule one-cycle starts with a warm-up of its own; leave out --warmup-epochs or "
        "choose --schedule cosine");
  }
  for (const double milestone : c.milestones) {
    SIGNUM_RETURN_IF_ERROR(InRange("milestones", milestone, 0, 1));
  }
  SIGNUM_RETURN_IF_ERROR(InRange("epochs", static_cast<double>(c.epochs), 1, 1e6));
  // One image would leave batch norm without a variance.
  SIGNUM_RETURN_IF_ERROR(InRange("batch-size", static_cast<double>(c.batch_size), 2, 65536));
  SIGNUM_RETURN_IF_ERROR(InRange("lr", c.learning_rate, 1e-12, 1e3));
  SIGNUM_RETURN_IF_ERROR(InRange("momentum", c.momentum, 0, 0.9999));
  SIGNUM_RETURN_IF_ERROR(InRange("weight-decay", c.weight_decay, 0, 1));
  SIGNUM_RETURN_IF_ERROR(
      InRange("warmup-epochs", c.warmup_epochs, 0, static_cast<double>(c.epochs)));
  SIGNUM_RETURN_IF_ERROR(InRange("milestone-factor", c.milestone_factor, 0, 1));
  SIGNUM_RETURN_IF_ERROR(InRange("label-smoothing", c.label_smoothing, 0, 1));
  SIGNUM_RETURN_IF_ERROR(InRange("distillation-weight", c.distillation_weight, 0, 1));
  SIGNUM_RETURN_IF_ERROR(
      InRange("distillation-temperature", c.distillation_temperature, 0.01, 1e3));
  SIGNUM_RETURN_IF_ERROR(InRange("crop-padding", static_cast<double>(c.crop_padding), 0, 1024));
  const QuantizationConfig& q = c.quantization;
  SIGNUM_RETURN_IF_ERROR(OneOf("binary-method", q.binary_method, kBinaryMethods));
  SIGNUM_RETURN_IF_ERROR(OneOf("weight-method", q.weight_method, kWeightMethods));
  SIGNUM_RETURN_IF_ERROR(OneOf("value-method", q.value_method, kValueMethods));
  SIGNUM_RETURN_IF_ERROR(OneOf("sign-gradient", q.sign_gradient, kSignGradientNames));
  SIGNUM_RETURN_IF_ERROR(InRange("theta", q.theta, 0, 1e3));
  SIGNUM_RETURN_IF_ERROR(InRange("bop-gamma", q.bop_gamma, 0, 1));
  SIGNUM_RETURN_IF_ERROR(InRange("bop-tau", q.bop_tau, 0, 1e3));
  if (q.binary_method == "bop" && q.theta > 0) {
    return InvalidArgument(
        "--binary-method bop has no latent weights for the hysteresis of --theta; leave one out");
  }
  SIGNUM_RETURN_IF_ERROR(
      InRange("reestimate-batches", static_cast<double>(c.reestimate_batches), 0, 1e6));
  SIGNUM_RETURN_IF_ERROR(InRange("train-limit", static_cast<double>(c.train_limit), 0, 1e12));
  SIGNUM_RETURN_IF_ERROR(InRange("test-limit", static_cast<double>(c.test_limit), 0, 1e12));
  return InRange("threads", static_cast<double>(c.threads), 0, 1024);
}

}  // namespace signum::train
