#include "runtime/finish.h"

#include <type_traits>

#include "base/check.h"

namespace signum::runtime {
namespace {

using kernels::OutputKind;
using kernels::OutputStage;
using kernels::OutputStageRows;
using kernels::ResidualKind;

std::vector<float> Divided(const std::vector<double>& values, double divisor) {
  std::vector<float> quotients;
  for (double value : values) quotients.push_back(static_cast<float>(value / divisor));
  return quotients;
}

void SetCodes(const Encoding& encoding, OutputStage& stage) {
  stage.output = encoding.bits == 1 ? OutputKind::kSign : OutputKind::kCodes;
  stage.bits = encoding.bits;
  stage.zero_point = encoding.zero_point;
}

template <typename T>
T* RowsOf(const RunContext& context, const Value& value, const Finish::Tile& tile,
          int64_t channels) {
  return context.At<T>(value) + tile.first_row * channels + tile.first_channel;
}

}  // namespace

Finish::Finish(const FinishSpec& spec, const kernels::OutputStageKernel* kernel)
    : kernel_(kernel),
      shift_(spec.shift),
      residual_(spec.residual),
      float_output_(spec.float_output),
      codes_output_(spec.codes_output) {
  SIGNUM_CHECK(float_output_ || codes_output_);
  const bool float_residual = residual_ && !residual_->encoding.codes;
  // A float residual is in the network's units, so its sum is made in them; a
  // sign needs no units, and its shift is in the network's as well.
  const bool one_bit = codes_output_ && codes_output_->encoding.bits == 1;
  has_second_ = codes_output_ && (float_output_ || (float_residual && !one_bit));
  const bool divide = codes_output_ && !has_second_ && !one_bit;
  const double unit = divide ? double{codes_output_->encoding.scale} : 1.0;
  multiplier_ = Divided(spec.multiplier, unit);
  bias_ = Divided(spec.bias, unit);
  first_.low = static_cast<float>(spec.low / unit);
  first_.high = static_cast<float>(spec.high / unit);
  if (residual_) {
    const Encoding& encoding = residual_->encoding;
    first_.residual = encoding.codes ? ResidualKind::kCodes : ResidualKind::kFloat;
    first_.residual_scale = static_cast<float>(double{encoding.scale} / unit);
    first_.residual_zero_point = encoding.codes ? encoding.zero_point : 0;
  }
  if (codes_output_ && !has_second_) SetCodes(codes_output_->encoding, first_);
  if (has_second_) {
    SetCodes(codes_output_->encoding, second_);
    const double scale = one_bit ? 1.0 : double{codes_output_->encoding.scale};
    second_multiplier_.assign(multiplier_.size(), static_cast<float>(1.0 / scale));
    second_bias_.assign(multiplier_.size(), 0.0f);
  }
}

template <typename Sum>
void Finish::RunStages(const RunContext& context, const Tile& tile, const Sum* sums,
                       float* temporary) const {
  const auto run = [&](const OutputStage& stage, const OutputStageRows& rows, const auto* input,
                       int64_t stride) {
    if constexpr (std::is_same_v<decltype(input), const int32_t*>) {
      kernel_->run_int32(stage, rows, input, stride);
    } else {
      kernel_->run_float(stage, rows, input, stride);
    }
  };
  const float* shift = shift_.empty() ? nullptr : shift_.data() + tile.first_channel;
  OutputStage stage = first_;
  stage.multiplier = multiplier_.data() + tile.first_channel;
  stage.bias = bias_.data() + tile.first_channel;
  stage.shift = shift;
  OutputStageRows rows;
  rows.rows = tile.rows;
  rows.channels = tile.channels;
  if (residual_) {
    rows.residual =
        residual_->encoding.codes
            ? static_cast<const void*>(RowsOf<uint8_t>(context, *residual_, tile, channels()))
            : RowsOf<float>(context, *residual_, tile, channels());
    rows.residual_stride = channels();
  }
  void* codes =
      codes_output_ ? RowsOf<uint8_t>(context, *codes_output_, tile, channels()) : nullptr;
  float* floats =
      float_output_ ? RowsOf<float>(context, *float_output_, tile, channels()) : temporary;
  const int64_t float_stride = float_output_ ? channels() : tile.stride;
  const bool codes_first = codes != nullptr && !has_second_;
  rows.output = codes_first ? codes : floats;
  rows.output_stride = codes_first ? channels() : float_stride;
  run(stage, rows, sums, tile.stride);
  if (!has_second_) return;

  OutputStage second = second_;
  second.multiplier = second_multiplier_.data();
  second.bias = second_bias_.data();
  second.shift = shift;
  rows.residual = nullptr;
  rows.output = codes;
  rows.output_stride = channels();
  run(second, rows, static_cast<const float*>(floats), float_stride);
}

void Finish::Run(const RunContext& context, const Tile& tile, const int32_t* sums,
                 float* temporary) const {
  RunStages(context, tile, sums, temporary);
}

void Finish::Run(const RunContext& context, const Tile& tile, const float* sums,
                 float* temporary) const {
  RunStages(context, tile, sums, temporary);
}

}  // namespace signum::runtime
