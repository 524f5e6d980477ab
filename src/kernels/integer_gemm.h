// What the integer matrix kernels have in common: gemm_u8s8, gemm_u8w1 and gemm_b1w1 differ
// in what the bytes of A and of the weights stand for, which their headers say.
//
// Overread: of A as tile_rows.h says; none of weights, init and C.
// Overflow: the result is exact modulo 2^32 on every ISA, also between the terms, hence
//   exact where the sum itself fits in 32 bits, which callers see to.
#ifndef SIGNUM_KERNELS_INTEGER_GEMM_H_
#define SIGNUM_KERNELS_INTEGER_GEMM_H_

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "kernels/kernel.h"
#include "kernels/tile_rows.h"

namespace signum::kernels {

// Weights made wider, which are multiplied faster, to the same results: worth it where the same
// columns meet many rows, in however many calls.
struct Expansion {
  int64_t least_rows;  // fewer are faster without it
  // As IntegerGemmKernel's, of `run`.
  double nominal_gops;
  int segment_cost_bytes;
  // As IntegerGemmKernel's packed_bytes.
  size_t (*expanded_bytes)(int64_t n, const Depth& depth);
  // packed: n columns, from a multiple of kColumnMultiple on.
  void (*expand)(int64_t n, const Depth& depth, const uint8_t* packed, uint8_t* expanded);
  // As IntegerGemmKernel's run.
  void (*run)(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* expanded,
              const int32_t* init, int32_t* c, int64_t ldc);
};

struct IntegerGemmKernel {
  const char* name;
  Isa isa;
  // Billions of operations a second, two to a product of one plane, on one core with all
  // operands in the first-level cache: what a cost model starts from, of which ratios alone
  // count. Between what the gemm_*_bench print on a Zen 5 and figures of a Sapphire Rapids for
  // x86; for arm64, which was not measured, from the instructions of a product.
  double nominal_gops;
  // What beginning a segment costs, in bytes of depth; measured and estimated likewise.
  int segment_cost_bytes;

  // Bytes that `pack` writes for n columns (output channels).
  size_t (*packed_bytes)(int64_t n, const Depth& depth);

  // Packs `weights` [n][segments][bytes], row-major, n >= 1.
  void (*pack)(const int8_t* weights, int64_t n, const Depth& depth, uint8_t* packed);

  // packed: from this kernel's pack, for this depth. init: [n]. c: rows.rows() rows of n
  // ints, `ldc` ints apart, ldc >= n; only those n are written. n >= 1.
  void (*run)(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
              const int32_t* init, int32_t* c, int64_t ldc);

  const Expansion* expansion = nullptr;  // null where there is none

  // A row alone goes another way where it meets so many columns. No gops: it does not.
  struct RowAlone {
    double gops = 0;  // as nominal_gops
    int64_t least_columns = 0;
  };
  RowAlone row_alone = {};
};

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_INTEGER_GEMM_H_
