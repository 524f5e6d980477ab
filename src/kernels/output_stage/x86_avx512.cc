// 16 channels to a vector; the last vector of a row is masked.
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/output_stage/output_stage.h"
#include "kernels/output_stage/run_stage.h"

namespace signum::kernels {
namespace {

// The stage's numbers, broadcast. A code is round(t) + zero_point, clamped to its bits: since
// rounding is monotonic, clamping t itself to what that leaves of [low, high] gives the same.
struct Constants {
  __m512 residual_scale, low, high;
  __m512i zero_point, residual_zero_point;
};

Constants Broadcast(const OutputStage& stage) {
  float low = stage.low;
  float high = stage.high;
  if (stage.output == OutputKind::kCodes) {
    low = std::max(low, static_cast<float>(-stage.zero_point));
    high = std::min(high, static_cast<float>((1 << stage.bits) - 1 - stage.zero_point));
  }
  return {.residual_scale = _mm512_set1_ps(stage.residual_scale),
          .low = _mm512_set1_ps(low),
          .high = _mm512_set1_ps(high),
          .zero_point = _mm512_set1_epi32(stage.zero_point),
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

// Codes, and less than 0 for NaN and where `high` leaves no code.
inline __m512i ToCodes(const Constants& constants, __m512 t) {
  const __m512i rounded =
      _mm512_cvt_roundps_epi32(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm512_add_epi32(rounded, constants.zero_point);
}

// Codes of 64 channels, as bytes.
inline __m512i PackCodes(const __m512i* codes) {
  // Lane l of the packed bytes holds 4 codes of lane l of each vector.
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i packed = _mm512_packus_epi16(_mm512_packs_epi32(codes[0], codes[1]),
                                             _mm512_packs_epi32(codes[2], codes[3]));
  return _mm512_permutexvar_epi32(order, packed);
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
    const __m512i codes = _mm512_max_epi32(ToCodes(constants, t), _mm512_setzero_si512());
    lanes.Store(static_cast<uint8_t*>(output) + index, _mm512_cvtepi32_epi8(codes));
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
      const auto value = [&](int64_t channel, const auto& lanes) {
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
        // vmaxps and vminps give their second operand where neither is larger or
        // smaller, NaN included, as the contract's comparisons do.
        return _mm512_min_ps(constants.high, _mm512_max_ps(constants.low, t));
      };
      int64_t channel = 0;
      if constexpr (kOutput == OutputKind::kCodes) {
        for (; channel + 64 <= whole; channel += 64) {
          __m512i codes[4];
#pragma GCC unroll 4
          for (int i = 0; i < 4; ++i) codes[i] = ToCodes(constants, value(channel + 16 * i, all));
          _mm512_storeu_si512(
              static_cast<uint8_t*>(rows.output) + row * rows.output_stride + channel,
              PackCodes(codes));
        }
      }
      for (; channel < whole; channel += 16) {
        Store<kOutput>(stage, constants, rows, row, channel, all, value(channel, all));
      }
      if (whole < rows.channels) {
        Store<kOutput>(stage, constants, rows, row, whole, some, value(whole, some));
      }
    }
  }
};

}  // namespace

constexpr OutputStageKernel kOutputStageX86Avx512 = {
    "output_stage_x86_avx512", Isa::kAvx512, RunStage<Rows, int32_t>, RunStage<Rows, float>};

}  // namespace signum::kernels
