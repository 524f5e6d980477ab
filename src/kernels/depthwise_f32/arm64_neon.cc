#include <arm_neon.h>

#include "kernels/depthwise_f32/depthwise_f32.h"
#include "kernels/depthwise_f32/vector_tiles.h"

namespace signum::kernels {
namespace {

struct Neon {
  using Vector = float32x4_t;
  static constexpr int kLanes = 4;
  static constexpr int kTiles = 16;
  static constexpr int kRegisters = 32;
  static Vector Load(const float* p) { return vld1q_f32(p); }
  static Vector LoadSome(const float* p, int64_t count) {
    float lanes[kLanes] = {};
    for (int64_t i = 0; i < count; ++i) lanes[i] = p[i];
    return vld1q_f32(lanes);
  }
  static void Store(float* p, Vector x) { vst1q_f32(p, x); }
  static void StoreSome(float* p, int64_t count, Vector x) {
    float lanes[kLanes];
    vst1q_f32(lanes, x);
    for (int64_t i = 0; i < count; ++i) p[i] = lanes[i];
  }
  static Vector MultiplyAdd(Vector a, Vector b, Vector sum) { return vfmaq_f32(sum, a, b); }
};

}  // namespace

constexpr DepthwiseF32Kernel kDepthwiseF32Arm64Neon = {
    "depthwise_f32_arm64_neon", Isa::kNeon, DepthwiseBlockBytes<Neon, float>,
    PackDepthwiseBlocks<Neon, float>, DepthwiseTiles<Neon>::Run};

}  // namespace signum::kernels
