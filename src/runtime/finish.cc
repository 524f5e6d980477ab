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

void SetCodes(const Value& value, OutputStage& stage) {
  const Encoding& encoding = value.encoding;
  stage.output = value.bits           ? OutputKind::kBits
                 : encoding.bits == 1 ? OutputKind::kSign
                                      : OutputKind::kCodes;
  stage.bits = encoding.bits;
  stage.zero_point = encoding.zero_point;
}

}  // namespace

Finish::Finish(const FinishSpec& spec, const kernels::OutputStageKernel* kernel)
    : kernel_(kernel),
      channels_(static_cast<int64_t>(spec.multiplier.size())),
      slope_(spec.slope),
      shift_(spec.shift),
      residual_(spec.residual),
      float_output_(spec.float_output),
      codes_output_(spec.codes_output) {
  SIGNUM_CHECK(float_output_ || codes_output_);
  if (spec.signs) signs_.emplace(*spec.signs, channels_);
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
  if (codes_output_ && !has_second_) SetCodes(*codes_output_, first_);
  if (has_second_) {
    SetCodes(*codes_output_, second_);
    const double scale = one_bit ? 1.0 : double{codes_output_->encoding.scale};
    second_multiplier_.assign(multiplier_.size(), static_cast<float>(1.0 / scale));
    second_bias_.assign(multiplier_.size(), 0.0f);
  }
  for (auto* numbers :
       {&multiplier_, &bias_, &slope_, &shift_, &second_multiplier_, &second_bias_}) {
    RepeatForRowsTogether(*numbers);
  }
}

bool Finish::is_dense() const {
  const auto dense = [](const std::optional<Value>& value) { return !value || value->is_dense(); };
  return dense(residual_) && dense(float_output_) && dense(codes_output_) &&
         (!signs_ || signs_->is_dense());
}

template <typename Sum>
void Finish::RunStage(const OutputStage& stage, OutputStageRows rows, const Sum* input,
                      int64_t stride) const {
  const int64_t output_channels = rows.output_stride * (stage.output == OutputKind::kBits ? 8 : 1);
  if (rows.channels == channels_ && stride == channels_ && output_channels == channels_ &&
      (rows.residual == nullptr || rows.residual_stride == channels_)) {
    const int64_t together = RowsTogether(channels_, rows.rows);
    rows.rows /= together;
    for (int64_t* size : {&rows.channels, &rows.residual_stride, &rows.output_stride, &stride}) {
      *size *= together;
    }
  }
  if constexpr (std::is_same_v<Sum, int32_t>) {
    kernel_->run_int32(stage, rows, input, stride);
  } else {
    kernel_->run_float(stage, rows, input, stride);
  }
}

template <typename Sum>
void Finish::RunLine(const RunContext& context, const Tile& tile, const Walks& walks, int64_t line,
                     const Sum* sums, float* temporary) const {
  const auto place = [&](const Value& value, const RowWalk& walk) {
    const int64_t channel =
        value.bits ? tile.first_channel / 8 : tile.first_channel * value.element_bytes();
    return context.At<std::byte>(value) + walk.at(line) + channel;
  };
  const auto of_tile = [&](const std::vector<float>& numbers) {
    return numbers.empty() ? nullptr : numbers.data() + tile.first_channel;
  };
  const float* shift = of_tile(shift_);
  OutputStage stage = first_;
  stage.multiplier = of_tile(multiplier_);
  stage.bias = of_tile(bias_);
  stage.slope = of_tile(slope_);
  stage.shift = shift;
  OutputStageRows rows;
  rows.rows = tile.rows.pixels;
  rows.channels = tile.channels;
  if (residual_) {
    rows.residual = place(*residual_, walks.residual);
    rows.residual_stride = walks.residual.pixel_stride / residual_->element_bytes();
  }
  void* codes = codes_output_ ? place(*codes_output_, walks.codes) : nullptr;
  void* floats =
      float_output_ ? static_cast<void*>(place(*float_output_, walks.floats)) : temporary;
  const int64_t float_stride =
      float_output_ ? walks.floats.pixel_stride / int64_t{sizeof(float)} : tile.stride;
  const bool codes_first = codes != nullptr && !has_second_;
  rows.output = codes_first ? codes : floats;
  rows.output_stride = codes_first ? walks.codes.pixel_stride : float_stride;
  RunStage(stage, rows, sums, tile.stride);
  if (!has_second_) return;

  OutputStage second = second_;
  second.multiplier = second_multiplier_.data();
  second.bias = second_bias_.data();
  second.shift = shift;
  rows.residual = nullptr;
  rows.output = codes;
  rows.output_stride = walks.codes.pixel_stride;
  RunStage(second, rows, static_cast<const float*>(floats), float_stride);
}

template <typename Sum>
void Finish::RunLines(const RunContext& context, const Tile& tile, const Sum* sums,
                      float* temporary) const {
  const auto walk = [&](const std::optional<Value>& value) {
    return value ? WalkThrough(*value, tile.rows) : RowWalk{};
  };
  const Walks walks = {walk(residual_), walk(float_output_), walk(codes_output_)};
  // Lines without gaps between them are one line.
  const auto adjacent = [&](const std::optional<Value>& value, const RowWalk& w) {
    return !value || w.line_stride == w.pixel_stride * tile.rows.pixels;
  };
  Tile lines = tile;
  if (adjacent(residual_, walks.residual) && adjacent(float_output_, walks.floats) &&
      adjacent(codes_output_, walks.codes)) {
    lines.rows.pixels *= lines.rows.lines;
    lines.rows.lines = 1;
  }
  for (int64_t line = 0; line < lines.rows.lines; ++line) {
    const int64_t first = line * lines.rows.pixels * tile.stride;
    RunLine(context, lines, walks, line, sums + first, temporary + first);
  }
  if (codes_output_ && tile.first_channel == 0) {
    FillRing(*codes_output_, tile.rows, context.At<std::byte>(*codes_output_));
  }
  if (signs_) signs_->Run(context, tile.rows, tile.first_channel, tile.channels);
}

void Finish::Run(const RunContext& context, const Tile& tile, const int32_t* sums,
                 float* temporary) const {
  RunLines(context, tile, sums, temporary);
}

void Finish::Run(const RunContext& context, const Tile& tile, const float* sums,
                 float* temporary) const {
  RunLines(context, tile, sums, temporary);
}

}  // namespace signum::runtime
