// gemm_u8s8: 8-bit unsigned activations times signed weight codes of 2 to 8
// bits, exact in int32.
//
//   C[r][c] = init[c] + sum over k of A[r][k] * W[c][k],   W in -128..127
//
// A holds the codes of a 1- to 8-bit activation, in place in their map (tile_rows.h
// says where the rows are and how far a kernel may read); `init` carries what the
// activation's zero point adds: -zero_point * sum over k of W[c][k], plus whatever else
// the caller wants added.
//
// Overread: of A as tile_rows.h says; none of weights, init and C.
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
#include "kernels/tile_rows.h"

namespace signum::kernels {

struct GemmU8S8Kernel {
  const char* name;
  Isa isa;

  // Bytes that `pack` writes for n columns (output channels).
  size_t (*packed_bytes)(int64_t n, const Depth& depth);

  // Packs `codes` [n][segments][bytes], row-major, n >= 1.
  void (*pack)(const int8_t* codes, int64_t n, const Depth& depth, uint8_t* packed);

  // packed: from this kernel's pack, for this depth. init: [n]. c: rows.rows() rows of n
  // ints, `ldc` ints apart, ldc >= n; only those n are written. n >= 1.
  void (*run)(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
              const int32_t* init, int32_t* c, int64_t ldc);
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
