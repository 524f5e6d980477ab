// gemm_u8s8: 8-bit unsigned activations times signed weight codes of 2 to 8
// bits, exact in int32.
//
//   C[r][c] = init[c] + sum over k of A[r][k] * W[c][k],   W in -128..127
//
// A holds the codes of a 1- to 8-bit activation; `init` carries what the
// activation's zero point adds: -zero_point * sum over k of W[c][k], plus
// whatever else the caller wants added. Knows no convolution: its caller gathers
// rows.
//
// Padding: each row of A ends in zeros up to a multiple of kDepthMultiple bytes.
// Overread: none; A is read to k_padded bytes a row, C and init to n columns.
// Overflow: no step saturates and the result is exact modulo 2^32 on every ISA,
//   also between the terms, hence exact where the sum itself fits in 32 bits, which
//   callers see to.
#ifndef SIGNUM_KERNELS_GEMM_U8S8_GEMM_U8S8_H_
#define SIGNUM_KERNELS_GEMM_U8S8_GEMM_U8S8_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "kernels/kernel.h"

namespace signum::kernels {

struct GemmU8S8Kernel {
  const char* name;
  Isa isa;

  // Bytes that `pack` writes for n columns (output channels) of depth k.
  size_t (*packed_bytes)(int64_t n, int64_t k);

  // Packs `codes` [n][k], row-major, n >= 1, k >= 1.
  void (*pack)(const int8_t* codes, int64_t n, int64_t k, int8_t* packed);

  // a: [m] rows of k_padded = PaddedDepth(k) bytes, `lda` bytes apart.
  // packed: from this kernel's pack. init: [n]. c: [m] rows of n ints, `ldc`
  // ints apart, ldc >= n; only those n are written. m >= 1, n >= 1.
  void (*run)(int64_t m, int64_t n, int64_t k_padded, const uint8_t* a, int64_t lda,
              const int8_t* packed, const int32_t* init, int32_t* c, int64_t ldc);
};

#define SIGNUM_KERNEL(symbol) extern const GemmU8S8Kernel symbol;
#include "kernels/gemm_u8s8/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const GemmU8S8Kernel* const> GemmU8S8Kernels();

// The best kernel that `allowed` and this CPU admit.
Selection<GemmU8S8Kernel> SelectGemmU8S8(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_U8S8_GEMM_U8S8_H_
