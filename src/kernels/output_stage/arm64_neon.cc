// 8 channels at a time, in two vectors; the bytes of the last ones of a row are copied.
// Products and sums are instructions of their own: fmla would round once. So are comparisons
// and choices, as the contract has them: fmax and fmin treat NaN and zeros otherwise.
#include <arm_neon.h>

#include <cstring>

#include "kernels/output_stage/output_stage.h"
#include "kernels/output_stage/run_stage.h"

namespace signum::kernels {
namespace {

constexpr int64_t kChannels = 8;

struct Floats {
  float32x4_t half[2];
};

template <typename Function>
inline Floats ForEachHalf(const Function& function) {
  return {{function(0), function(1)}};
}

inline float32x4_t Larger(float32x4_t x, float32x4_t y) { return vbslq_f32(vcgtq_f32(x, y), x, y); }
inline float32x4_t Smaller(float32x4_t x, float32x4_t y) {
  return vbslq_f32(vcltq_f32(x, y), x, y);
}

// The values at p, of which there are `count`; what follows them is 0 and is not read.
template <typename T>
class Values {
 public:
  Values(const T* p, int64_t count) : p_(p) {
    if (count >= kChannels) return;
    std::memcpy(copy_, p, static_cast<size_t>(count) * sizeof(T));
    p_ = copy_;
  }
  const T* get() const { return p_; }

 private:
  const T* p_;
  T copy_[kChannels] = {};
};

inline Floats Load(const float* p, int64_t count) {
  const Values<float> values(p, count);
  return ForEachHalf([&](int i) { return vld1q_f32(values.get() + 4 * i); });
}
inline Floats Load(const int32_t* p, int64_t count) {
  const Values<int32_t> values(p, count);
  return ForEachHalf([&](int i) { return vcvtq_f32_s32(vld1q_s32(values.get() + 4 * i)); });
}

// float(code - zero_point)
inline Floats LoadCodes(const uint8_t* p, int64_t count, int32_t zero_point) {
  const Values<uint8_t> values(p, count);
  const uint16x8_t zeros = vdupq_n_u16(static_cast<uint16_t>(zero_point));
  const int16x8_t steps = vreinterpretq_s16_u16(vsubq_u16(vmovl_u8(vld1_u8(values.get())), zeros));
  return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(steps))), vcvtq_f32_s32(vmovl_high_s16(steps))}};
}

inline void StoreBytes(uint8_t* p, int64_t count, uint8x8_t bytes) {
  if (count >= kChannels) return vst1_u8(p, bytes);
  std::memcpy(p, &bytes, static_cast<size_t>(count));
}

inline uint8x8_t Narrow(uint32x4_t low, uint32x4_t high) {
  return vmovn_u16(vcombine_u16(vmovn_u32(low), vmovn_u32(high)));
}

inline uint8x8_t Quantize(const OutputStage& stage, const Floats& t) {
  const float32x4_t zero_point = vdupq_n_f32(static_cast<float>(stage.zero_point));
  const float32x4_t highest = vdupq_n_f32(static_cast<float>((1 << stage.bits) - 1));
  const Floats q = ForEachHalf([&](int i) {
    const float32x4_t rounded = vaddq_f32(vrndnq_f32(t.half[i]), zero_point);
    return Smaller(Larger(rounded, vdupq_n_f32(0.0f)), highest);
  });
  return Narrow(vcvtq_u32_f32(q.half[0]), vcvtq_u32_f32(q.half[1]));
}

// `row` and `channel` say where the values go.
template <OutputKind kOutput>
inline void Store(const OutputStage& stage, const OutputStageRows& rows, int64_t row,
                  int64_t channel, int64_t count, const Floats& t) {
  const int64_t index = row * rows.output_stride + channel;
  if constexpr (kOutput == OutputKind::kFloat) {
    float* p = static_cast<float*>(rows.output) + index;
    if (count >= kChannels) {
      vst1q_f32(p, t.half[0]);
      vst1q_f32(p + 4, t.half[1]);
    } else {
      std::memcpy(p, &t, static_cast<size_t>(count) * sizeof *p);
    }
    return;
  }
  auto* const bytes = static_cast<uint8_t*>(rows.output);
  if constexpr (kOutput == OutputKind::kCodes) {
    StoreBytes(bytes + index, count, Quantize(stage, t));
  } else {
    Floats shift = {};
    if (stage.shift != nullptr) shift = Load(stage.shift + channel, count);
    const uint8x8_t plus =
        Narrow(vcgeq_f32(t.half[0], shift.half[0]), vcgeq_f32(t.half[1], shift.half[1]));
    if constexpr (kOutput == OutputKind::kSign) {
      StoreBytes(bytes + index, count, vand_u8(plus, vdup_n_u8(2)));
    } else {
      const uint8x8_t places = vcreate_u8(0x8040201008040201);
      const int wanted = count >= kChannels ? 0xff : (1 << count) - 1;
      bytes[row * rows.output_stride + channel / 8] =
          static_cast<uint8_t>(vaddv_u8(vand_u8(plus, places)) & wanted);
    }
  }
}

template <ResidualKind kResidual>
inline Floats LoadResidual(const OutputStage& stage, const void* residual, int64_t index,
                           int64_t count) {
  if constexpr (kResidual == ResidualKind::kFloat) {
    return Load(static_cast<const float*>(residual) + index, count);
  }
  const Floats steps =
      LoadCodes(static_cast<const uint8_t*>(residual) + index, count, stage.residual_zero_point);
  return ForEachHalf([&](int i) { return vmulq_n_f32(steps.half[i], stage.residual_scale); });
}

struct Rows {
  // Channels from `channel` on, of which there are `count`, of which 8 are taken.
  template <typename Input, ResidualKind kResidual, OutputKind kOutput>
  static inline void Step(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
                          int64_t row, int64_t channel, int64_t count) {
    const Floats x = Load(input, count);
    const Floats multiplier = Load(stage.multiplier + channel, count);
    const Floats bias = Load(stage.bias + channel, count);
    Floats t = ForEachHalf(
        [&](int i) { return vaddq_f32(vmulq_f32(x.half[i], multiplier.half[i]), bias.half[i]); });
    if constexpr (kResidual != ResidualKind::kNone) {
      const Floats residual = LoadResidual<kResidual>(stage, rows.residual,
                                                      row * rows.residual_stride + channel, count);
      t = ForEachHalf([&](int i) { return vaddq_f32(t.half[i], residual.half[i]); });
    }
    if (stage.slope != nullptr) {
      const Floats slope = Load(stage.slope + channel, count);
      t = ForEachHalf([&](int i) {
        const float32x4_t x = t.half[i];
        return vbslq_f32(vcgtzq_f32(x), x, vmulq_f32(x, slope.half[i]));
      });
    }
    t = ForEachHalf([&](int i) {
      return Smaller(vdupq_n_f32(stage.high), Larger(vdupq_n_f32(stage.low), t.half[i]));
    });
    Store<kOutput>(stage, rows, row, channel, count, t);
  }

  template <typename Input, ResidualKind kResidual, OutputKind kOutput>
  static void Run(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
                  int64_t input_stride) {
    const int64_t whole = rows.channels / kChannels * kChannels;
    for (int64_t row = 0; row < rows.rows; ++row, input += input_stride) {
      for (int64_t channel = 0; channel < whole; channel += kChannels) {
        Step<Input, kResidual, kOutput>(stage, rows, input + channel, row, channel, kChannels);
      }
      if (whole < rows.channels) {
        Step<Input, kResidual, kOutput>(stage, rows, input + whole, row, whole,
                                        rows.channels - whole);
      }
    }
  }
};

}  // namespace

constexpr OutputStageKernel kOutputStageArm64Neon = {
    "output_stage_arm64_neon", Isa::kNeon, RunStage<Rows, int32_t>, RunStage<Rows, float>};

}  // namespace signum::kernels
