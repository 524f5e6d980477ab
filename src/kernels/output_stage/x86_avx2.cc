// 8 channels to a vector; the last vector of a row is masked, its bytes copied.
#include <immintrin.h>

#include <cstring>

#include "kernels/output_stage/output_stage.h"
#include "kernels/output_stage/run_stage.h"

namespace signum::kernels {
namespace {

// The stage's numbers, broadcast.
struct Constants {
  __m256 residual_scale, low, high, zero_point, highest;
  __m256i residual_zero_point;
};

Constants Broadcast(const OutputStage& stage) {
  return {.residual_scale = _mm256_set1_ps(stage.residual_scale),
          .low = _mm256_set1_ps(stage.low),
          .high = _mm256_set1_ps(stage.high),
          .zero_point = _mm256_set1_ps(static_cast<float>(stage.zero_point)),
          .highest = _mm256_set1_ps(static_cast<float>((1 << stage.bits) - 1)),
          .residual_zero_point = _mm256_set1_epi32(stage.residual_zero_point)};
}

// The channels that a vector holds: all 8, or the first `count`.
struct Lanes {
  bool full;
  size_t count;
  __m256i mask;
};

inline __m256 LoadFloats(const float* p, const Lanes& lanes) {
  return lanes.full ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, lanes.mask);
}

inline __m256 LoadInput(const float* p, const Lanes& lanes) { return LoadFloats(p, lanes); }
inline __m256 LoadInput(const int32_t* p, const Lanes& lanes) {
  const __m256i values = lanes.full ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))
                                    : _mm256_maskload_epi32(p, lanes.mask);
  return _mm256_cvtepi32_ps(values);
}

inline __m256i LoadCodes(const uint8_t* p, const Lanes& lanes) {
  int64_t eight = 0;
  if (lanes.full) {
    std::memcpy(&eight, p, 8);
  } else {
    std::memcpy(&eight, p, lanes.count);
  }
  return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(eight));
}

// Stores the low byte of each lane; lanes hold 0..255.
inline void StoreCodes(uint8_t* p, const Lanes& lanes, __m256i codes) {
  const __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1));
  const int64_t eight = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
  if (lanes.full) {
    std::memcpy(p, &eight, 8);
  } else {
    std::memcpy(p, &eight, lanes.count);
  }
}

template <ResidualKind kResidual>
inline __m256 AddResidual(const Constants& constants, const void* residual, int64_t index,
                          const Lanes& lanes, __m256 t) {
  if constexpr (kResidual == ResidualKind::kCodes) {
    const __m256i code = LoadCodes(static_cast<const uint8_t*>(residual) + index, lanes);
    const __m256 steps = _mm256_cvtepi32_ps(_mm256_sub_epi32(code, constants.residual_zero_point));
    return _mm256_add_ps(t, _mm256_mul_ps(steps, constants.residual_scale));
  } else if constexpr (kResidual == ResidualKind::kFloat) {
    return _mm256_add_ps(t, LoadFloats(static_cast<const float*>(residual) + index, lanes));
  } else {
    return t;
  }
}

// `row` and `channel` say where the values go.
template <OutputKind kOutput>
inline void Store(const OutputStage& stage, const Constants& constants, const OutputStageRows& rows,
                  int64_t row, int64_t channel, const Lanes& lanes, __m256 t) {
  void* const output = rows.output;
  const int64_t index = row * rows.output_stride + channel;
  if constexpr (kOutput == OutputKind::kFloat) {
    float* p = static_cast<float*>(output) + index;
    if (lanes.full) {
      _mm256_storeu_ps(p, t);
    } else {
      _mm256_maskstore_ps(p, lanes.mask, t);
    }
  } else if constexpr (kOutput == OutputKind::kCodes) {
    __m256 q = _mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    q = _mm256_add_ps(q, constants.zero_point);
    // vmaxps and vminps give their second operand where neither is larger or
    // smaller, NaN included, as the contract's comparisons do.
    q = _mm256_max_ps(q, _mm256_setzero_ps());
    q = _mm256_min_ps(q, constants.highest);
    StoreCodes(static_cast<uint8_t*>(output) + index, lanes, _mm256_cvttps_epi32(q));
  } else {
    const __m256 shift =
        stage.shift != nullptr ? LoadFloats(stage.shift + channel, lanes) : _mm256_setzero_ps();
    const __m256 plus = _mm256_cmp_ps(t, shift, _CMP_GE_OQ);
    if constexpr (kOutput == OutputKind::kSign) {
      StoreCodes(static_cast<uint8_t*>(output) + index, lanes,
                 _mm256_and_si256(_mm256_castps_si256(plus), _mm256_set1_epi32(2)));
    } else {
      const __m256 wanted = _mm256_and_ps(plus, _mm256_castsi256_ps(lanes.mask));
      static_cast<uint8_t*>(output)[row * rows.output_stride + channel / 8] =
          static_cast<uint8_t>(_mm256_movemask_ps(wanted));
    }
  }
}

struct Rows {
  template <typename Input, ResidualKind kResidual, OutputKind kOutput>
  static void Run(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
                  int64_t input_stride) {
    const Constants constants = Broadcast(stage);
    const int64_t whole = rows.channels / 8 * 8;
    const int tail = static_cast<int>(rows.channels - whole);
    const Lanes all = {.full = true, .count = 8, .mask = _mm256_set1_epi32(-1)};
    const Lanes some = {.full = false,
                        .count = static_cast<size_t>(tail),
                        .mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(tail),
                                                   _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))};
    for (int64_t row = 0; row < rows.rows; ++row) {
      const auto step = [&](int64_t channel, const Lanes& lanes) {
        __m256 t = LoadInput(input + row * input_stride + channel, lanes);
        t = _mm256_mul_ps(t, LoadFloats(stage.multiplier + channel, lanes));
        t = _mm256_add_ps(t, LoadFloats(stage.bias + channel, lanes));
        t = AddResidual<kResidual>(constants, rows.residual, row * rows.residual_stride + channel,
                                   lanes, t);
        if (stage.slope != nullptr) {
          const __m256 positive = _mm256_cmp_ps(t, _mm256_setzero_ps(), _CMP_GT_OQ);
          const __m256 below = _mm256_mul_ps(t, LoadFloats(stage.slope + channel, lanes));
          t = _mm256_blendv_ps(below, t, positive);
        }
        t = _mm256_max_ps(constants.low, t);
        t = _mm256_min_ps(constants.high, t);
        Store<kOutput>(stage, constants, rows, row, channel, lanes, t);
      };
      for (int64_t channel = 0; channel < whole; channel += 8) step(channel, all);
      if (tail != 0) step(whole, some);
    }
  }
};

}  // namespace

constexpr OutputStageKernel kOutputStageX86Avx2 = {"output_stage_x86_avx2", Isa::kAvx2,
                                                   RunStage<Rows, int32_t>, RunStage<Rows, float>};

}  // namespace signum::kernels
