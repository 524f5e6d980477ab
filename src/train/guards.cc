#include "train/guards.h"

#include <fmt/format.h>

#include <cmath>

namespace signum::train {
namespace {

constexpr int64_t kEnough = 100;  // of fewer bits, chance alone may say what it likes

Status CheckEqual(const std::string& layer, const torch::Tensor& codes, const char* what,
                  const char* advice) {
  const int64_t count = codes.numel();
  if (count < kEnough || codes.min().item<float>() != codes.max().item<float>()) return {};
  return InvalidArgument(
      fmt::format("layer '{}' is dead: all its {} {} are equal; start from a trained network, "
                  "lower --lr, or {}",
                  layer, count, what, advice));
}

Status CheckBits(const EpochSigns& signs, const std::string& layer, const torch::Tensor& bits) {
  SIGNUM_RETURN_IF_ERROR(
      CheckEqual(layer, bits, "bits",
                 "choose --binary-method ir-net, which keeps bits balanced (before a batch norm)"));
  const int64_t count = bits.numel();
  const auto found = signs.flip_rates.find(layer);
  if (found == signs.flip_rates.end()) return {};
  const double rate = found->second;
  if (rate == 0 && count >= kEnough && signs.steps >= 100 && 2 * signs.epoch < signs.epochs) {
    return InvalidArgument(fmt::format(
        "layer '{}' is dead: none of its {} bits changed in an epoch; lower --lr if the loss has "
        "risen, else raise it, or lower --theta or --bop-tau",
        layer, count));
  }
  if (rate >= .48 && count >= 1000 && signs.epoch > 0) {
    return InvalidArgument(fmt::format(
        "layer '{}' does not learn: {:.0f} % of its {} bits changed in an epoch, as by chance; "
        "lower --lr, or hold them with --hysteresis",
        layer, 100 * rate, count));
  }
  return {};
}

Status CheckScale(const std::string& name, const torch::Tensor& scale,
                  const torch::Tensor& at_start) {
  constexpr double kMost = 1000;
  const torch::Tensor change = (scale / at_start).detach().abs();
  const double low = change.min().item<double>(), high = change.max().item<double>();
  if (std::isfinite(low) && std::isfinite(high) && low > 1 / kMost && high < kMost) return {};
  return InvalidArgument(fmt::format(
      "the scale of '{}' left its range: it is {:.3g} of what it was; lower --lr, or keep value "
      "scales as calibrated with --no-learn-scales",
      name, high < kMost ? low : high));
}

}  // namespace

Status CheckEpoch(const EpochSigns& signs) {
  for (const auto& [layer, bits] : signs.bits) {
    SIGNUM_RETURN_IF_ERROR(CheckBits(signs, layer, bits));
  }
  for (const auto& [layer, codes] : signs.codes) {
    SIGNUM_RETURN_IF_ERROR(
        CheckEqual(layer, codes, "codes", "give its weights another --weight-method"));
  }
  for (const auto& [name, scale] : signs.scales) {
    SIGNUM_RETURN_IF_ERROR(CheckScale(name, scale, signs.scales_at_start.at(name)));
  }
  return {};
}

}  // namespace signum::train
