// 64 channels to a vector, each bit of which is tested; the last vector of a row is masked.
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/code_planes/code_planes.h"

namespace signum::kernels {
namespace {

void Run(const CodePlanesProblem& p) {
  for (int64_t channel = 0; channel < p.channels; channel += 64) {
    const int64_t left = std::min<int64_t>(64, p.channels - channel);
    const __mmask64 lanes = left == 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    const auto bytes = static_cast<size_t>((left + 7) / 8);
    for (int64_t row = 0; row < p.rows; ++row) {
      const __m512i codes =
          _mm512_maskz_loadu_epi8(lanes, p.codes + row * p.codes_stride + channel);
      uint8_t* output = p.output + row * p.output_stride + channel / 8;
      for (int bit = p.bits - 1; bit >= 0; --bit, output += p.plane_stride) {
        const __m512i tested = _mm512_set1_epi8(static_cast<char>(1 << bit));
        const uint64_t plane = _mm512_test_epi8_mask(codes, tested);
        std::memcpy(output, &plane, bytes);
      }
    }
  }
}

}  // namespace

constexpr CodePlanesKernel kCodePlanesX86Avx512 = {"code_planes_x86_avx512", Isa::kAvx512, Run};

}  // namespace signum::kernels
