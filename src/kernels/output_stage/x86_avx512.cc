// 16 channels to a vector; the last vector of a row is masked.
#include <immintrin.h>

#include "kernels/output_stage/output_stage.h"

namespace signum::kernels {
namespace {

// The stage's numbers, broadcast.
struct Constants {
  __m512 residual_scale, low, high, zero_point, highest;
  __m512i residual_zero_point;
};

Constants Broadcast(const OutputStage& stage) {
  return {.residual_scale = _mm512_set1_ps(stage.residual_scale),
          .low = _mm512_set1_ps(stage.low),
          .high = _mm512_set1_ps(stage.high),
          .zero_point = _mm512_set1_ps(static_cast<float>(stage.zero_point)),
          .highest = _mm512_set1_ps(static_cast<float>((1 << stage.bits) - 1)),
          .residual_zero_point = _mm512_set1_epi32(stage.residual_zero_point)};
}

inline __m512 LoadInput(const int32_t* input, __mmask16 mask) {
  return _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(mask, input));
}
inline __m512 LoadInput(const float* input, __mmask16 mask) {
  return _mm512_maskz_loadu_ps(mask, input);
}

template <ResidualKind kResidual>
inline __m512 AddResidual(const Constants& constants, const void* residual, int64_t index,
                          __mmask16 mask, __m512 t) {
  if constexpr (kResidual == ResidualKind::kCodes) {
    const uint8_t* p = static_cast<const uint8_t*>(residual) + index;
    const __m512i code = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, p));
    const __m512 steps = _mm512_cvtepi32_ps(_mm512_sub_epi32(code, constants.residual_zero_point));
    return _mm512_add_ps(t, _mm512_mul_ps(steps, constants.residual_scale));
  } else if constexpr (kResidual == ResidualKind::kFloat) {
    const float* p = static_cast<const float*>(residual) + index;
    return _mm512_add_ps(t, _mm512_maskz_loadu_ps(mask, p));
  } else {
    return t;
  }
}

template <OutputKind kOutput>
inline void Store(const OutputStage& stage, const Constants& constants, int64_t channel,
                  void* output, int64_t index, __mmask16 mask, __m512 t) {
  if constexpr (kOutput == OutputKind::kFloat) {
    _mm512_mask_storeu_ps(static_cast<float*>(output) + index, mask, t);
  } else if constexpr (kOutput == OutputKind::kCodes) {
    __m512 q = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    q = _mm512_add_ps(q, constants.zero_point);
    // vmaxps and vminps give their second operand where neither is larger or
    // smaller, NaN included, as the contract's comparisons do.
    q = _mm512_max_ps(q, _mm512_setzero_ps());
    q = _mm512_min_ps(q, constants.highest);
    _mm_mask_storeu_epi8(static_cast<uint8_t*>(output) + index, mask,
                         _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(q)));
  } else {
    const __m512 shift = stage.shift != nullptr ? _mm512_maskz_loadu_ps(mask, stage.shift + channel)
                                                : _mm512_setzero_ps();
    const __mmask16 plus = _mm512_cmp_ps_mask(t, shift, _CMP_GE_OQ);
    _mm_mask_storeu_epi8(static_cast<uint8_t*>(output) + index, mask, _mm_maskz_set1_epi8(plus, 2));
  }
}

template <typename Input, ResidualKind kResidual, OutputKind kOutput>
void RunRows(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
             int64_t input_stride) {
  const Constants constants = Broadcast(stage);
  for (int64_t row = 0; row < rows.rows; ++row) {
    for (int64_t channel = 0; channel < rows.channels; channel += 16) {
      const int64_t left = rows.channels - channel;
      const __mmask16 mask = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
      __m512 t = LoadInput(input + row * input_stride + channel, mask);
      t = _mm512_mul_ps(t, _mm512_maskz_loadu_ps(mask, stage.multiplier + channel));
      t = _mm512_add_ps(t, _mm512_maskz_loadu_ps(mask, stage.bias + channel));
      t = AddResidual<kResidual>(constants, rows.residual, row * rows.residual_stride + channel,
                                 mask, t);
      t = _mm512_max_ps(constants.low, t);
      t = _mm512_min_ps(constants.high, t);
      Store<kOutput>(stage, constants, channel, rows.output, row * rows.output_stride + channel,
                     mask, t);
    }
  }
}

template <typename Input, ResidualKind kResidual>
void RunResidual(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
                 int64_t input_stride) {
  switch (stage.output) {
    case OutputKind::kFloat:
      return RunRows<Input, kResidual, OutputKind::kFloat>(stage, rows, input, input_stride);
    case OutputKind::kCodes:
      return RunRows<Input, kResidual, OutputKind::kCodes>(stage, rows, input, input_stride);
    case OutputKind::kSign:
      return RunRows<Input, kResidual, OutputKind::kSign>(stage, rows, input, input_stride);
  }
}

template <typename Input>
void Run(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
         int64_t input_stride) {
  switch (stage.residual) {
    case ResidualKind::kNone:
      return RunResidual<Input, ResidualKind::kNone>(stage, rows, input, input_stride);
    case ResidualKind::kCodes:
      return RunResidual<Input, ResidualKind::kCodes>(stage, rows, input, input_stride);
    case ResidualKind::kFloat:
      return RunResidual<Input, ResidualKind::kFloat>(stage, rows, input, input_stride);
  }
}

}  // namespace

constexpr OutputStageKernel kOutputStageX86Avx512 = {"output_stage_x86_avx512", Isa::kAvx512,
                                                     Run<int32_t>, Run<float>};

}  // namespace signum::kernels
