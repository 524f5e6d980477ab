// 32 channels to a vector, whose bytes are shifted until the bit is their highest; what is
// left of a row is the reference's.
#include <immintrin.h>

#include <cstring>

#include "kernels/code_planes/code_planes.h"

namespace signum::kernels {
namespace {

void Run(const CodePlanesProblem& p) {
  const int64_t whole = p.channels / 32 * 32;
  const __m128i up = _mm_cvtsi32_si128(8 - p.bits);
  for (int64_t channel = 0; channel < whole; channel += 32) {
    for (int64_t row = 0; row < p.rows; ++row) {
      const uint8_t* from = p.codes + row * p.codes_stride + channel;
      // What a wider shift drags in from the byte below comes after the last plane.
      __m256i codes =
          _mm256_sll_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)), up);
      uint8_t* output = p.output + row * p.output_stride + channel / 8;
      for (int plane = 0; plane < p.bits; ++plane, output += p.plane_stride) {
        const int bits = _mm256_movemask_epi8(codes);
        std::memcpy(output, &bits, sizeof bits);
        codes = _mm256_add_epi8(codes, codes);
      }
    }
  }
  FinishCodePlanes(p, whole);
}

}  // namespace

constexpr CodePlanesKernel kCodePlanesX86Avx2 = {"code_planes_x86_avx2", Isa::kAvx2, Run};

}  // namespace signum::kernels
