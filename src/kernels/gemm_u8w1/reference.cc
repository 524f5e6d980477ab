// The definition, one product at a time. Packed: a row of bits for each column,
// PaddedDepth(k) / 8 bytes, bit i of the row for depth i.
#include <cstring>

#include "kernels/gemm_u8w1/gemm_u8w1.h"

namespace signum::kernels {
namespace {

size_t PackedBytes(int64_t n, int64_t k) { return static_cast<size_t>(n * (PaddedDepth(k) / 8)); }

void Pack(const int8_t* codes, int64_t n, int64_t k, uint8_t* packed) {
  std::memset(packed, 0, PackedBytes(n, k));
  const int64_t row_bytes = PaddedDepth(k) / 8;
  for (int64_t column = 0; column < n; ++column) {
    for (int64_t i = 0; i < k; ++i) {
      if (codes[column * k + i] > 0) {
        packed[column * row_bytes + i / 8] |= static_cast<uint8_t>(1 << (i % 8));
      }
    }
  }
}

void Run(int64_t m, int64_t n, int64_t k_padded, const uint8_t* a, int64_t lda,
         const uint8_t* packed, const int32_t* init, int32_t* c, int64_t ldc) {
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t column = 0; column < n; ++column) {
      const uint8_t* bits = packed + column * (k_padded / 8);
      // Unsigned, because what overflows wraps: the result is modulo 2^32.
      uint32_t sum = static_cast<uint32_t>(init[column]);
      for (int64_t i = 0; i < k_padded; ++i) {
        const uint32_t value = a[row * lda + i];
        const bool plus = (bits[i / 8] >> (i % 8)) & 1;
        sum = plus ? sum + value : sum - value;
      }
      c[row * ldc + column] = static_cast<int32_t>(sum);
    }
  }
}

}  // namespace

constexpr GemmU8W1Kernel kGemmU8W1Reference = {"gemm_u8w1_reference", Isa::kScalar, PackedBytes,
                                               Pack, Run};

}  // namespace signum::kernels
