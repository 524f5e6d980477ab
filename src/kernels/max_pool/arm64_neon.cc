#include <arm_neon.h>

#include "kernels/max_pool/max_pool.h"
#include "kernels/max_pool/overlapping_vectors.h"

namespace signum::kernels {
namespace {

// A comparison and a choice, as the contract has it: fmax would pass a NaN on, and takes +0
// for larger than -0.
struct LargestFloats {
  using Element = float;
  static constexpr int64_t kLanes = 4;
  static float32x4_t Load(const float* p) { return vld1q_f32(p); }
  static void Store(float* p, float32x4_t x) { vst1q_f32(p, x); }
  static float32x4_t Join(float32x4_t tap, float32x4_t x) {
    return vbslq_f32(vcgtq_f32(tap, x), tap, x);
  }
  static float Join(float tap, float x) { return tap > x ? tap : x; }
};

struct Bytes {
  using Element = uint8_t;
  static constexpr int64_t kLanes = 16;
  static uint8x16_t Load(const uint8_t* p) { return vld1q_u8(p); }
  static void Store(uint8_t* p, uint8x16_t x) { vst1q_u8(p, x); }
};
struct LargestBytes : Bytes {
  static uint8x16_t Join(uint8x16_t tap, uint8x16_t x) { return vmaxq_u8(tap, x); }
  static uint8_t Join(uint8_t tap, uint8_t x) { return tap > x ? tap : x; }
};
struct EitherBits : Bytes {
  static uint8x16_t Join(uint8x16_t tap, uint8x16_t x) { return vorrq_u8(tap, x); }
  static uint8_t Join(uint8_t tap, uint8_t x) { return tap | x; }
};

}  // namespace

constexpr MaxPoolKernel kMaxPoolArm64Neon = {"max_pool_arm64_neon", Isa::kNeon,
                                             RunVectors<LargestFloats>, RunVectors<LargestBytes>,
                                             RunVectors<EitherBits>};

}  // namespace signum::kernels
