// 16 channels to a vector; the last vector of a row is masked.
#include <immintrin.h>

#include <cstring>

#include "kernels/output_stage/output_stage.h"
#include "kernels/output_stage/run_stage.h"

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

// The lanes of a vector that hold channels: all of them where kFull. Whole vectors are
// loaded and stored without a mask, which masks slow down, stores of bytes above all.
template <bool kFull>
struct Lanes {
  __mmask16 mask;

  __m512 Load(const float* p) const {
    return kFull ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(mask, p);
  }
  __m512 Load(const int32_t* p) const {
    return _mm512_cvtepi32_ps(kFull ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi32(mask, p));
  }
  __m512i Load(const uint8_t* p) const {
    return _mm512_cvtepu8_epi32(kFull ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))
                                      : _mm_maskz_loadu_epi8(mask, p));
  }
  void Store(float* p, __m512 values) const {
    if constexpr (kFull) {
      _mm512_storeu_ps(p, values);
    } else {
      _mm512_mask_storeu_ps(p, mask, values);
    }
  }
  void Store(uint8_t* p, __m128i codes) const {
    if constexpr (kFull) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p), codes);
    } else {
      _mm_mask_storeu_epi8(p, mask, codes);
    }
  }
};

template <ResidualKind kResidual, bool kFull>
inline __m512 AddResidual(const Constants& constants, const void* residual, int64_t index,
                          const Lanes<kFull>& lanes, __m512 t) {
  if constexpr (kResidual == ResidualKind::kCodes) {
    const __m512i code = lanes.Load(static_cast<const uint8_t*>(residual) + index);
    const __m512 steps = _mm512_cvtepi32_ps(_mm512_sub_epi32(code, constants.residual_zero_point));
    return _mm512_add_ps(t, _mm512_mul_ps(steps, constants.residual_scale));
  } else if constexpr (kResidual == ResidualKind::kFloat) {
    return _mm512_add_ps(t, lanes.Load(static_cast<const float*>(residual) + index));
  } else {
    return t;
  }
}

// `row` and `channel` say where the values go.
template <OutputKind kOutput, bool kFull>
inline void Store(const OutputStage& stage, const Constants& constants, const OutputStageRows& rows,
                  int64_t row, int64_t channel, const Lanes<kFull>& lanes, __m512 t) {
  void* const output = rows.output;
  const int64_t index = row * rows.output_stride + channel;
  if constexpr (kOutput == OutputKind::kFloat) {
    lanes.Store(static_cast<float*>(output) + index, t);
  } else if constexpr (kOutput == OutputKind::kCodes) {
    __m512 q = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    q = _mm512_add_ps(q, constants.zero_point);
    // vmaxps and vminps give their second operand where neither is larger or
    // smaller, NaN included, as the contract's comparisons do.
    q = _mm512_max_ps(q, _mm512_setzero_ps());
    q = _mm512_min_ps(q, constants.highest);
    lanes.Store(static_cast<uint8_t*>(output) + index,
                _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(q)));
  } else {
    const __m512 shift =
        stage.shift != nullptr ? lanes.Load(stage.shift + channel) : _mm512_setzero_ps();
    const __mmask16 plus = _mm512_mask_cmp_ps_mask(lanes.mask, t, shift, _CMP_GE_OQ);
    if constexpr (kOutput == OutputKind::kSign) {
      lanes.Store(static_cast<uint8_t*>(output) + index, _mm_maskz_set1_epi8(plus, 2));
    } else {
      const auto bits = static_cast<uint16_t>(plus);
      std::memcpy(static_cast<uint8_t*>(output) + row * rows.output_stride + channel / 8, &bits,
                  kFull || rows.channels - channel > 8 ? 2 : 1);
    }
  }
}

struct Rows {
  template <typename Input, ResidualKind kResidual, OutputKind kOutput>
  static void Run(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
                  int64_t input_stride) {
    const Constants constants = Broadcast(stage);
    const int64_t whole = rows.channels / 16 * 16;
    const Lanes<true> all = {.mask = 0xffff};
    const Lanes<false> some = {.mask = static_cast<__mmask16>((1 << (rows.channels - whole)) - 1)};
    for (int64_t row = 0; row < rows.rows; ++row) {
      const auto step = [&](int64_t channel, const auto& lanes) {
        __m512 t = lanes.Load(input + row * input_stride + channel);
        t = _mm512_mul_ps(t, lanes.Load(stage.multiplier + channel));
        t = _mm512_add_ps(t, lanes.Load(stage.bias + channel));
        t = AddResidual<kResidual>(constants, rows.residual, row * rows.residual_stride + channel,
                                   lanes, t);
        if (stage.slope != nullptr) {
          const __mmask16 positive = _mm512_cmp_ps_mask(t, _mm512_setzero_ps(), _CMP_GT_OQ);
          const __m512 below = _mm512_mul_ps(t, lanes.Load(stage.slope + channel));
          t = _mm512_mask_blend_ps(positive, below, t);
        }
        t = _mm512_max_ps(constants.low, t);
        t = _mm512_min_ps(constants.high, t);
        Store<kOutput>(stage, constants, rows, row, channel, lanes, t);
      };
      for (int64_t channel = 0; channel < whole; channel += 16) step(channel, all);
      if (whole < rows.channels) step(whole, some);
    }
  }
};

}  // namespace

constexpr OutputStageKernel kOutputStageX86Avx512 = {
    "output_stage_x86_avx512", Isa::kAvx512, RunStage<Rows, int32_t>, RunStage<Rows, float>};

}  // namespace signum::kernels
