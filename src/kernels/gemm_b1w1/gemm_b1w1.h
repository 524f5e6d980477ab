// gemm_b1w1: activations as bits times 1-bit weights, by counting where they differ.
//
//   one plane:   C[r][c] = init[c] - 2 * differ(0)
//   P planes:    C[r][c] = init[c] - sum over p < P of 2^(P - 1 - p) * differ(p)
//   differ(p)    the number of bits in which plane p of A[r] and W[c] differ
//
// Bit 1 of a weight stands for +1 and bit 0 for -1, least significant first.
//
// One plane is 1-bit activations, whose bits stand for the same: with init[c] = the number of
// bits N, C is the sum over k of A[r][k] * W[c][k] (XNOR-Net, Rastegari et al. 2016, section
// 3.2). P planes are the bits of codes below 2^P, the highest first. A bit b times a weight w
// is (1 + w) / 2 - (b xor w), so with init[c] = (2^P - 1) * (number of weights +1) C is the
// sum over k of A[r][k] * W[c][k] again (bit-serial products: DoReFa-Net, Zhou et al. 2016,
// section 2.1).
//
// A is in place in its map, eight channels to a byte, and weights come to `pack` laid out as
// the rows of one plane of A; bits that pad a pixel to whole bytes are 0 in both.
// integer_gemm.h has the form of a kernel, its overread and its overflow.
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
