// The definition, one product at a time, each product and each sum rounded.
// Packed: the weights as they come.
#include <cstring>

#include "kernels/gemm_f32/gemm_f32.h"

namespace signum::kernels {
namespace {

size_t PackedBytes(int64_t n, int64_t k) { return static_cast<size_t>(n * k) * sizeof(float); }

void Pack(const float* weights, int64_t n, int64_t k, float* packed) {
  std::memcpy(packed, weights, PackedBytes(n, k));
}

void Run(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* packed,
         float* c, int64_t ldc) {
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t column = 0; column < n; ++column) {
      float sum = 0.0f;
      for (int64_t i = 0; i < k; ++i) sum += a[row * lda + i] * packed[column * k + i];
      c[row * ldc + column] = sum;
    }
  }
}

}  // namespace

constexpr GemmF32Kernel kGemmF32Reference = {"gemm_f32_reference", Isa::kScalar, PackedBytes, Pack,
                                             Run};

}  // namespace signum::kernels
