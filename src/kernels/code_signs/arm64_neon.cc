// 16 channels to a vector; what is left of a row is the reference's.
#include <arm_neon.h>

#include "kernels/code_signs/code_signs.h"

namespace signum::kernels {
namespace {

// Calls store(output, plus) for every whole vector of every row, and returns what is behind
// the last of them. A channel takes kOutputBits of the output.
template <int kOutputBits, typename Store>
inline CodeSignsProblem ForEachVector(const CodeSignsProblem& p, const Store& store) {
  CodeSignsProblem rest = p;
  for (; rest.channels >= 16; rest.channels -= 16) {
    const uint8x16_t least = vld1q_u8(rest.least);
    const uint8x16_t possible = vld1q_u8(rest.possible);
    for (int64_t row = 0; row < p.rows; ++row) {
      const uint8x16_t codes = vld1q_u8(rest.codes + row * p.codes_stride);
      store(rest.output + row * p.output_stride, vandq_u8(vcgeq_u8(codes, least), possible));
    }
    rest.least += 16;
    rest.possible += 16;
    rest.codes += 16;
    rest.output += 16 * kOutputBits / 8;
  }
  return rest;
}

void ToBits(const CodeSignsProblem& p) {
  const uint8x16_t places = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
  const auto rest = ForEachVector<1>(p, [&](uint8_t* output, uint8x16_t plus) {
    // Three sums of neighbours make a byte of eight channels.
    uint8x16_t bits = vandq_u8(plus, places);
    for (int i = 0; i < 3; ++i) bits = vpaddq_u8(bits, bits);
    vst1q_lane_u8(output, bits, 0);
    vst1q_lane_u8(output + 1, bits, 1);
  });
  if (rest.channels > 0) kCodeSignsReference.to_bits(rest);
}

void ToCodes(const CodeSignsProblem& p) {
  const auto rest = ForEachVector<8>(p, [&](uint8_t* output, uint8x16_t plus) {
    vst1q_u8(output, vandq_u8(plus, vdupq_n_u8(2)));
  });
  if (rest.channels > 0) kCodeSignsReference.to_codes(rest);
}

}  // namespace

constexpr CodeSignsKernel kCodeSignsArm64Neon = {"code_signs_arm64_neon", Isa::kNeon, ToBits,
                                                 ToCodes};

}  // namespace signum::kernels
