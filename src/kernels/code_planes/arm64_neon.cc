// 16 channels to a vector, each bit of which is tested; what is left of a row is the
// reference's.
#include <arm_neon.h>

#include "kernels/code_planes/code_planes.h"

namespace signum::kernels {
namespace {

void Run(const CodePlanesProblem& p) {
  const uint8x16_t places = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
  const int64_t whole = p.channels / 16 * 16;
  for (int64_t channel = 0; channel < whole; channel += 16) {
    for (int64_t row = 0; row < p.rows; ++row) {
      const uint8x16_t codes = vld1q_u8(p.codes + row * p.codes_stride + channel);
      uint8_t* output = p.output + row * p.output_stride + channel / 8;
      for (int bit = p.bits - 1; bit >= 0; --bit, output += p.plane_stride) {
        const uint8x16_t ones = vtstq_u8(codes, vdupq_n_u8(static_cast<uint8_t>(1 << bit)));
        // Three sums of neighbours make a byte of eight channels.
        uint8x16_t plane = vandq_u8(ones, places);
        for (int i = 0; i < 3; ++i) plane = vpaddq_u8(plane, plane);
        vst1q_lane_u8(output, plane, 0);
        vst1q_lane_u8(output + 1, plane, 1);
      }
    }
  }
  FinishCodePlanes(p, whole);
}

}  // namespace

constexpr CodePlanesKernel kCodePlanesArm64Neon = {"code_planes_arm64_neon", Isa::kNeon, Run};

}  // namespace signum::kernels
