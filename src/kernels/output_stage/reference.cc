// The definition, one channel at a time.
#include <cmath>

#include "kernels/output_stage/output_stage.h"

namespace signum::kernels {
namespace {

float Residual(const OutputStage& stage, const OutputStageRows& rows, int64_t row,
               int64_t channel) {
  const int64_t index = row * rows.residual_stride + channel;
  if (stage.residual == ResidualKind::kFloat) {
    return static_cast<const float*>(rows.residual)[index];
  }
  const int32_t code = static_cast<const uint8_t*>(rows.residual)[index];
  return static_cast<float>(code - stage.residual_zero_point) * stage.residual_scale;
}

uint8_t Quantize(const OutputStage& stage, float t) {
  const float highest = static_cast<float>((1 << stage.bits) - 1);
  float q = std::nearbyintf(t) + static_cast<float>(stage.zero_point);
  q = q > 0.0f ? q : 0.0f;
  q = q < highest ? q : highest;
  return static_cast<uint8_t>(q);
}

void Store(const OutputStage& stage, const OutputStageRows& rows, int64_t row, int64_t channel,
           float t) {
  const int64_t index = row * rows.output_stride + channel;
  const bool plus = t >= (stage.shift != nullptr ? stage.shift[channel] : 0.0f);
  switch (stage.output) {
    case OutputKind::kFloat: static_cast<float*>(rows.output)[index] = t; break;
    case OutputKind::kCodes: static_cast<uint8_t*>(rows.output)[index] = Quantize(stage, t); break;
    case OutputKind::kSign: static_cast<uint8_t*>(rows.output)[index] = plus ? 2 : 0; break;
    case OutputKind::kBits:
      uint8_t& byte = static_cast<uint8_t*>(rows.output)[row * rows.output_stride + channel / 8];
      if (channel % 8 == 0) byte = 0;
      byte |= static_cast<uint8_t>((plus ? 1 : 0) << (channel % 8));
      break;
  }
}

template <typename Input>
void Run(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
         int64_t input_stride) {
  for (int64_t row = 0; row < rows.rows; ++row) {
    for (int64_t channel = 0; channel < rows.channels; ++channel) {
      float t = static_cast<float>(input[row * input_stride + channel]) * stage.multiplier[channel];
      t = t + stage.bias[channel];
      if (stage.residual != ResidualKind::kNone) t = t + Residual(stage, rows, row, channel);
      if (stage.slope != nullptr) t = t > 0.0f ? t : t * stage.slope[channel];
      t = stage.low > t ? stage.low : t;
      t = stage.high < t ? stage.high : t;
      Store(stage, rows, row, channel, t);
    }
  }
}

}  // namespace

constexpr OutputStageKernel kOutputStageReference = {"output_stage_reference", Isa::kScalar,
                                                     Run<int32_t>, Run<float>};

}  // namespace signum::kernels
