// exp, tanh and the sigmoid in plain float arithmetic that compilers vectorize.
// The C library picks its own by CPU, so that its last bit differs between
// machines; these are the same everywhere. Errors are within 2 units in the last
// place (4 for the sigmoid's tail), tested. NaN stays NaN.
#ifndef SIGNUM_RUNTIME_ELEMENTARY_H_
#define SIGNUM_RUNTIME_ELEMENTARY_H_

#include <bit>
#include <cstdint>

namespace signum::runtime {

// condition ? a : b, of bits: there is no branch then that compilers would have to keep, and
// no path for one of the two.
inline float Choose(bool condition, float a, float b) {
  const uint32_t mask = 0u - static_cast<uint32_t>(condition);
  return std::bit_cast<float>((std::bit_cast<uint32_t>(a) & mask) |
                              (std::bit_cast<uint32_t>(b) & ~mask));
}

// Cephes' expf (S. Moshier, 1992). Arguments are clamped to [-87.3, 88.3], so
// that the result is a normal number.
inline float Exp(float x) {
  x = Choose(x > 88.3f, 88.3f, Choose(x < -87.3f, -87.3f, x));
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  constexpr float kRounder = 12582912.0f;
  const float rounded = x * 1.44269504088896341f + kRounder;
  const float n = rounded - kRounder;
  const uint32_t exponent = std::bit_cast<uint32_t>(rounded) + 127u;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * r) * r + r + 1.0f;
  return p * std::bit_cast<float>(exponent << 23);
}

inline float Sigmoid(float x) { return 1.0f / (1.0f + Exp(-x)); }

// Cephes' tanhf: a polynomial near 0, where the quotient would lose digits.
inline float Tanh(float x) {
  const float magnitude = x < 0.0f ? -x : x;
  const float far = 1.0f - 2.0f / (Exp(magnitude + magnitude) + 1.0f);
  const float square = x * x;
  float p = -5.70498872745e-3f;
  p = p * square + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  const float near = (p * square) * x + x;
  return Choose(magnitude < 0.625f, near, x < 0.0f ? -far : far);
}

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_ELEMENTARY_H_
