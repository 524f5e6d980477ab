// 64 channels at a time, whose scales stay in registers for all rows; then 16 channels to a
// vector, the last of which is masked.
#include <immintrin.h>

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
    const auto lowest = static_cast<float>(-stage.zero_point);
    const auto highest = static_cast<float>((1 << stage.bits) - 1 - stage.zero_point);
    low = low > lowest ? low : lowest;
    high = high < highest ? high : highest;
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

constexpr int kVectors = 4;
constexpr int64_t kBlock = 16 * kVectors;

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

// Whole vectors of `values`, from `channel` on.
template <OutputKind kOutput>
inline void StoreBlock(const OutputStageRows& rows, const Constants& constants, int64_t row,
                       int64_t channel, const __m512* values, const __m512* shifts) {
  const int64_t index = row * rows.output_stride + channel;
  auto* const bytes = static_cast<uint8_t*>(rows.output);
  if constexpr (kOutput == OutputKind::kFloat) {
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) {
      _mm512_storeu_ps(static_cast<float*>(rows.output) + index + 16 * i, values[i]);
    }
  } else if constexpr (kOutput == OutputKind::kCodes) {
    __m512i codes[kVectors];
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) codes[i] = ToCodes(constants, values[i]);
    _mm512_storeu_si512(bytes + index, PackCodes(codes));
  } else {
    uint64_t plus = 0;
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) {
      const __mmask16 mask = _mm512_cmp_ps_mask(values[i], shifts[i], _CMP_GE_OQ);
      plus |= uint64_t{mask} << (16 * i);
    }
    if constexpr (kOutput == OutputKind::kSign) {
      _mm512_storeu_si512(bytes + index, _mm512_maskz_set1_epi8(plus, 2));
    } else {
      std::memcpy(bytes + row * rows.output_stride + channel / 8, &plus, sizeof plus);
    }
  }
}

struct Rows {
  template <typename Input, ResidualKind kResidual, OutputKind kOutput>
  static void Run(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
                  int64_t input_stride) {
    const Constants constants = Broadcast(stage);
    const int64_t blocks = rows.channels / kBlock * kBlock;
    for (int64_t channel = 0; channel < blocks; channel += kBlock) {
      RunBlock<kResidual, kOutput>(stage, constants, rows, channel, input + channel, input_stride);
    }
    const int64_t whole = rows.channels / 16 * 16;
    if (blocks == rows.channels) return;
    const Lanes<true> all = {.mask = 0xffff};
    const Lanes<false> some = {.mask = static_cast<__mmask16>((1 << (rows.channels - whole)) - 1)};
    for (int64_t row = 0; row < rows.rows; ++row) {
      const auto step = [&](int64_t channel, const auto& lanes) {
        const __m512 multiplier = lanes.Load(stage.multiplier + channel);
        const __m512 bias = lanes.Load(stage.bias + channel);
        const __m512 t = Value<kResidual>(stage, constants, rows, row, channel, lanes, multiplier,
                                          bias, lanes.Load(input + row * input_stride + channel));
        Store<kOutput>(stage, constants, rows, row, channel, lanes, t);
      };
      for (int64_t channel = blocks; channel < whole; channel += 16) step(channel, all);
      if (whole < rows.channels) step(whole, some);
    }
  }

  // What is clamped, of the vector at `channel`, whose input is x.
  template <ResidualKind kResidual, bool kFull>
  static __m512 Value(const OutputStage& stage, const Constants& constants,
                      const OutputStageRows& rows, int64_t row, int64_t channel,
                      const Lanes<kFull>& lanes, __m512 multiplier, __m512 bias, __m512 x) {
    __m512 t = _mm512_add_ps(_mm512_mul_ps(x, multiplier), bias);
    t = AddResidual<kResidual>(constants, rows.residual, row * rows.residual_stride + channel,
                               lanes, t);
    if (stage.slope != nullptr) {
      const __mmask16 positive = _mm512_cmp_ps_mask(t, _mm512_setzero_ps(), _CMP_GT_OQ);
      const __m512 below = _mm512_mul_ps(t, lanes.Load(stage.slope + channel));
      t = _mm512_mask_blend_ps(positive, below, t);
    }
    // vmaxps and vminps give their second operand where neither is larger or smaller, NaN
    // included, as the contract's comparisons do.
    return _mm512_min_ps(constants.high, _mm512_max_ps(constants.low, t));
  }

  template <ResidualKind kResidual, OutputKind kOutput, typename Input>
  static void RunBlock(const OutputStage& stage, const Constants& constants,
                       const OutputStageRows& rows, int64_t channel, const Input* input,
                       int64_t input_stride) {
    const Lanes<true> all = {.mask = 0xffff};
    __m512 multiplier[kVectors], bias[kVectors], shift[kVectors];
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) {
      multiplier[i] = all.Load(stage.multiplier + channel + 16 * i);
      bias[i] = all.Load(stage.bias + channel + 16 * i);
      shift[i] =
          stage.shift != nullptr ? all.Load(stage.shift + channel + 16 * i) : _mm512_setzero_ps();
    }
    for (int64_t row = 0; row < rows.rows; ++row, input += input_stride) {
      __m512 values[kVectors];
#pragma GCC unroll 4
      for (int i = 0; i < kVectors; ++i) {
        values[i] = Value<kResidual>(stage, constants, rows, row, channel + 16 * i, all,
                                     multiplier[i], bias[i], all.Load(input + 16 * i));
      }
      StoreBlock<kOutput>(rows, constants, row, channel, values, shift);
    }
  }
};

}  // namespace

constexpr OutputStageKernel kOutputStageX86Avx512 = {
    "output_stage_x86_avx512", Isa::kAvx512, RunStage<Rows, int32_t>, RunStage<Rows, float>};

}  // namespace signum::kernels
