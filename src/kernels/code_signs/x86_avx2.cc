// 32 channels to a vector; what is left of a row is the reference's.
#include <immintrin.h>

#include <cstring>

#include "kernels/code_signs/code_signs.h"

namespace signum::kernels {
namespace {

inline __m256i Load(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

// Calls store(row, channel, plus) for every whole vector of every row, and returns what is
// behind the last of them. A channel takes kOutputBits of the output.
template <int kOutputBits, typename Store>
inline CodeSignsProblem ForEachVector(const CodeSignsProblem& p, const Store& store) {
  const int64_t whole = p.channels / 32 * 32;
  for (int64_t channel = 0; channel < whole; channel += 32) {
    const __m256i least = Load(p.least + channel);
    const __m256i possible = Load(p.possible + channel);
    for (int64_t row = 0; row < p.rows; ++row) {
      const __m256i codes = Load(p.codes + row * p.codes_stride + channel);
      const __m256i plus = _mm256_cmpeq_epi8(_mm256_max_epu8(codes, least), codes);
      store(row, channel, _mm256_and_si256(plus, possible));
    }
  }
  CodeSignsProblem rest = p;
  rest.channels -= whole;
  rest.least += whole;
  rest.possible += whole;
  rest.codes += whole;
  rest.output += whole * kOutputBits / 8;
  return rest;
}

void ToBits(const CodeSignsProblem& p) {
  const auto rest = ForEachVector<1>(p, [&](int64_t row, int64_t channel, __m256i plus) {
    const int bits = _mm256_movemask_epi8(plus);
    std::memcpy(p.output + row * p.output_stride + channel / 8, &bits, sizeof bits);
  });
  if (rest.channels > 0) kCodeSignsReference.to_bits(rest);
}

void ToCodes(const CodeSignsProblem& p) {
  const auto rest = ForEachVector<8>(p, [&](int64_t row, int64_t channel, __m256i plus) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p.output + row * p.output_stride + channel),
                        _mm256_and_si256(plus, _mm256_set1_epi8(2)));
  });
  if (rest.channels > 0) kCodeSignsReference.to_codes(rest);
}

}  // namespace

constexpr CodeSignsKernel kCodeSignsX86Avx2 = {"code_signs_x86_avx2", Isa::kAvx2, ToBits, ToCodes};

}  // namespace signum::kernels
