// The definition, one product at a time. Packed: rows of codes, one for each
// column, PaddedDepth(k) bytes each.
#include <cstring>

#include "kernels/gemm_u8s8/gemm_u8s8.h"

namespace signum::kernels {
namespace {

size_t PackedBytes(int64_t n, int64_t k) { return static_cast<size_t>(n * PaddedDepth(k)); }

void Pack(const int8_t* codes, int64_t n, int64_t k, int8_t* packed) {
  std::memset(packed, 0, PackedBytes(n, k));
  for (int64_t column = 0; column < n; ++column) {
    std::memcpy(packed + column * PaddedDepth(k), codes + column * k, static_cast<size_t>(k));
  }
}

void Run(int64_t m, int64_t n, int64_t k_padded, const uint8_t* a, int64_t lda,
         const int8_t* packed, const int32_t* init, int32_t* c, int64_t ldc) {
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t column = 0; column < n; ++column) {
      const int8_t* w = packed + column * k_padded;
      // Unsigned, because what overflows wraps: the result is modulo 2^32.
      uint32_t sum = static_cast<uint32_t>(init[column]);
      for (int64_t i = 0; i < k_padded; ++i) {
        const int32_t product = static_cast<int32_t>(a[row * lda + i]) * w[i];
        sum += static_cast<uint32_t>(product);
      }
      c[row * ldc + column] = static_cast<int32_t>(sum);
    }
  }
}

}  // namespace

constexpr GemmU8S8Kernel kGemmU8S8Reference = {"gemm_u8s8_reference", Isa::kScalar, PackedBytes,
                                               Pack, Run};

}  // namespace signum::kernels
