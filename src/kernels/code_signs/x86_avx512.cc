// 64 channels to a vector; the last vector of a row is masked.
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/code_signs/code_signs.h"

namespace signum::kernels {
namespace {

// Calls store(row, channel, lanes, plus) for every vector of every row, of which `lanes` are
// channels and `plus` those with +1.
template <typename Store>
inline void ForEachVector(const CodeSignsProblem& p, const Store& store) {
  for (int64_t channel = 0; channel < p.channels; channel += 64) {
    const int64_t left = std::min<int64_t>(64, p.channels - channel);
    const __mmask64 lanes = left == 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    const __m512i least = _mm512_maskz_loadu_epi8(lanes, p.least + channel);
    const __m512i possible = _mm512_maskz_loadu_epi8(lanes, p.possible + channel);
    const __mmask64 may_be = _mm512_test_epi8_mask(possible, possible);
    for (int64_t row = 0; row < p.rows; ++row) {
      const __m512i codes =
          _mm512_maskz_loadu_epi8(lanes, p.codes + row * p.codes_stride + channel);
      store(row, channel, lanes, _mm512_mask_cmpge_epu8_mask(may_be, codes, least));
    }
  }
}

void ToBits(const CodeSignsProblem& p) {
  ForEachVector(p, [&](int64_t row, int64_t channel, __mmask64, __mmask64 plus) {
    const uint64_t bits = plus;
    std::memcpy(p.output + row * p.output_stride + channel / 8, &bits,
                static_cast<size_t>(std::min<int64_t>(8, (p.channels - channel + 7) / 8)));
  });
}

void ToCodes(const CodeSignsProblem& p) {
  ForEachVector(p, [&](int64_t row, int64_t channel, __mmask64 lanes, __mmask64 plus) {
    _mm512_mask_storeu_epi8(p.output + row * p.output_stride + channel, lanes,
                            _mm512_maskz_set1_epi8(plus, 2));
  });
}

}  // namespace

constexpr CodeSignsKernel kCodeSignsX86Avx512 = {"code_signs_x86_avx512", Isa::kAvx512, ToBits,
                                                 ToCodes};

}  // namespace signum::kernels
