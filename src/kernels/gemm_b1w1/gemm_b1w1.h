// gemm_b1w1: 1-bit activations times 1-bit weights, both packed as bits, by counting
// where they differ (XNOR-Net, Rastegari et al. 2016, section 3.2).
//
//   C[r][c] = init[c] - 2 * (bits in which A[r] and W[c] differ)
//
// Bit 1 stands for +1 and bit 0 for -1, so with init[c] = the number of bits, C is the
// sum over k of A[r][k] * W[c][k]. A is read in place in its map, eight channels to a
// byte (tile_rows.h says where the rows are and how far a kernel may read); bits that pad
// a pixel to whole bytes must be 0 there, as they are in the weights.
//
// Bits: least significant first.
// Overread: of A as tile_rows.h says; none of weights, init and C.
// Overflow: the result is exact modulo 2^32 on every ISA.
#ifndef SIGNUM_KERNELS_GEMM_B1W1_GEMM_B1W1_H_
#define SIGNUM_KERNELS_GEMM_B1W1_GEMM_B1W1_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "kernels/kernel.h"
#include "kernels/tile_rows.h"

namespace signum::kernels {

struct GemmB1W1Kernel {
  const char* name;
  Isa isa;

  // Bytes that `pack` writes for n columns (output channels).
  size_t (*packed_bytes)(int64_t n, const Depth& depth);

  // Packs `bits` [n][segments][bytes], row-major, laid out as the rows of A, n >= 1.
  void (*pack)(const int8_t* bits, int64_t n, const Depth& depth, uint8_t* packed);

  // packed: from this kernel's pack, for this depth. init: [n]. c: rows.rows() rows of n
  // ints, `ldc` ints apart, ldc >= n; only those n are written. n >= 1.
  void (*run)(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
              const int32_t* init, int32_t* c, int64_t ldc);
};

#define SIGNUM_KERNEL(symbol) extern const GemmB1W1Kernel symbol;
#include "kernels/gemm_b1w1/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const GemmB1W1Kernel* const> GemmB1W1Kernels();

// The best kernel that `allowed` and this CPU admit.
Selection<GemmB1W1Kernel> SelectGemmB1W1(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_B1W1_GEMM_B1W1_H_
