// Products and sums are instructions of their own: fmla would round once.
#include <arm_neon.h>

#include <cstring>

#include "kernels/bilinear/bilinear.h"
#include "kernels/bilinear/columns.h"
#include "kernels/bilinear/overlapping_vectors.h"

namespace signum::kernels {
namespace {

struct FourLanes {
  static constexpr int64_t kLanes = 4;
  static float32x4_t Load(const float* p, int32_t, float) { return vld1q_f32(p); }
  static float32x4_t Load(const uint8_t* p, int32_t zero_point, float scale) {
    uint32_t four;
    std::memcpy(&four, p, sizeof four);
    const uint16x8_t codes = vmovl_u8(vcreate_u8(four));
    const int32x4_t wide = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(codes)));
    return vmulq_n_f32(vcvtq_f32_s32(vsubq_s32(wide, vdupq_n_s32(zero_point))), scale);
  }
  static void Store(float* p, float32x4_t x) { vst1q_f32(p, x); }
  static float32x4_t Blend(float32x4_t x, float x_weight, float32x4_t y, float y_weight) {
    return vaddq_f32(vmulq_n_f32(x, x_weight), vmulq_n_f32(y, y_weight));
  }
};

using Pixel = OverlappingVectors<FourLanes, OneLane>;

}  // namespace

constexpr BilinearKernel kBilinearArm64Neon = {
    "bilinear_arm64_neon", Isa::kNeon, RunColumns<Pixel, float>, RunColumns<Pixel, uint8_t>};

}  // namespace signum::kernels
