// The definition, one value at a time.
#include "kernels/code_signs/code_signs.h"

namespace signum::kernels {
namespace {

bool IsPlus(const CodeSignsProblem& p, int64_t row, int64_t channel) {
  return p.codes[row * p.codes_stride + channel] >= p.least[channel] && p.possible[channel] != 0;
}

void ToBits(const CodeSignsProblem& p) {
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t first = 0; first < p.channels; first += 8) {
      int byte = 0;
      for (int64_t c = first; c < p.channels && c < first + 8; ++c) {
        byte |= static_cast<int>(IsPlus(p, row, c)) << (c - first);
      }
      p.output[row * p.output_stride + first / 8] = static_cast<uint8_t>(byte);
    }
  }
}

void ToCodes(const CodeSignsProblem& p) {
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t c = 0; c < p.channels; ++c) {
      p.output[row * p.output_stride + c] = IsPlus(p, row, c) ? 2 : 0;
    }
  }
}

}  // namespace

constexpr CodeSignsKernel kCodeSignsReference = {"code_signs_reference", Isa::kScalar, ToBits,
                                                 ToCodes};

}  // namespace signum::kernels
