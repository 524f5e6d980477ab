// gemm_u8w1: 8-bit unsigned activations times 1-bit weights, exact in int32.
//
//   C[r][c] = init[c] + sum over k of A[r][k] * W[c][k],   W in {-1, +1}
//
// A holds the codes of a 1- to 8-bit activation, in place in their map; `init` carries what
// the activation's zero point adds: -zero_point * sum over k of W[c][k], plus whatever else
// the caller wants added. Weights come to `pack` as -1 and +1, stay bits in memory, 1 for
// +1, and are expanded as they are used, or once for many calls. integer_gemm.h has the form of a
// kernel, its overread and its overflow.
#ifndef SIGNUM_KERNELS_GEMM_U8W1_GEMM_U8W1_H_
#define SIGNUM_KERNELS_GEMM_U8W1_GEMM_U8W1_H_

#include <span>

#include "kernels/integer_gemm.h"

namespace signum::kernels {

#define SIGNUM_KERNEL(symbol) extern const IntegerGemmKernel symbol;
#include "kernels/gemm_u8w1/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const IntegerGemmKernel* const> GemmU8W1Kernels();

// The best kernel that `allowed` and this CPU admit.
Selection<IntegerGemmKernel> SelectGemmU8W1(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_U8W1_GEMM_U8W1_H_
