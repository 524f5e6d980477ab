// The 16-bit floats of other programs' files, from their bits. A float32 holds
// every value of both.
#ifndef SIGNUM_BASE_FLOAT16_H_
#define SIGNUM_BASE_FLOAT16_H_

#include <bit>
#include <cstdint>

namespace signum::base {

// bfloat16: the upper half of a float32.
inline float FromBfloat16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// IEEE 754 binary16.
inline float FromFloat16(uint16_t bits) {
  const uint32_t sign = (uint32_t{bits} & 0x8000) << 16;
  const uint32_t exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign == 0 ? magnitude : -magnitude;
  }
  const uint32_t wide = exponent == 0x1F ? 0xFF : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

}  // namespace signum::base

#endif  // SIGNUM_BASE_FLOAT16_H_
