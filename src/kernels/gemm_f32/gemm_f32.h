// gemm_f32: float activations times float weights, for the layers of a network
// that are not quantized.
//
//   C[r][c] = sum over k of A[r][k] * W[c][k], summed in the order of k
//
// The x86 kernels fuse each multiply with its add (one rounding), the reference
// does not, so results differ between ISAs in the last bits. On one ISA a
// result depends on its row of A and its column of W alone: not on m, n, the
// split of the work or the number of threads. Knows no convolution: its caller
// gathers rows.
//
// Padding: none. Overread: none; A is read to k floats a row, C to n columns.
// Overflow and NaN: as IEEE 754 has it.
#ifndef SIGNUM_KERNELS_GEMM_F32_GEMM_F32_H_
#define SIGNUM_KERNELS_GEMM_F32_GEMM_F32_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "kernels/kernel.h"

namespace signum::kernels {

struct GemmF32Kernel {
  const char* name;
  Isa isa;

  // Bytes that `pack` writes for n columns (output channels) of depth k.
  size_t (*packed_bytes)(int64_t n, int64_t k);

  // Packs `weights` [n][k], row-major, n >= 1, k >= 1.
  void (*pack)(const float* weights, int64_t n, int64_t k, float* packed);

  // a: [m] rows of k floats, `lda` floats apart. packed: from this kernel's
  // pack. c: [m] rows of n floats, `ldc` floats apart, ldc >= n; only those n
  // are written. m >= 1, n >= 1.
  void (*run)(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* packed,
              float* c, int64_t ldc);
};

#define SIGNUM_KERNEL(symbol) extern const GemmF32Kernel symbol;
#include "kernels/gemm_f32/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const GemmF32Kernel* const> GemmF32Kernels();

// The best kernel that `allowed` and this CPU admit.
Selection<GemmF32Kernel> SelectGemmF32(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_F32_GEMM_F32_H_
