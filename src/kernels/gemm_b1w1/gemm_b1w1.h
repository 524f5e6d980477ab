// gemm_b1w1: 1-bit activations times 1-bit weights, both packed as bits, by counting
// where they differ (XNOR-Net, Rastegari et al. 2016, section 3.2).
//
//   C[r][c] = init[c] - 2 * (bits in which A[r] and W[c] differ)
//
// Bit 1 stands for +1 and bit 0 for -1, least significant first, so with init[c] = the
// number of bits, C is the sum over k of A[r][k] * W[c][k]. A is in place in its map, eight
// channels to a byte, and weights come to `pack` laid out as the rows of A; bits that pad a
// pixel to whole bytes are 0 in both. integer_gemm.h has the form of a kernel, its overread
// and its overflow.
#ifndef SIGNUM_KERNELS_GEMM_B1W1_GEMM_B1W1_H_
#define SIGNUM_KERNELS_GEMM_B1W1_GEMM_B1W1_H_

#include <span>

#include "kernels/integer_gemm.h"

namespace signum::kernels {

#define SIGNUM_KERNEL(symbol) extern const IntegerGemmKernel symbol;
#include "kernels/gemm_b1w1/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const IntegerGemmKernel* const> GemmB1W1Kernels();

// The best kernel that `allowed` and this CPU admit.
Selection<IntegerGemmKernel> SelectGemmB1W1(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_B1W1_GEMM_B1W1_H_
