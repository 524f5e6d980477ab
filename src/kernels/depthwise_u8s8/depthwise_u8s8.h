// depthwise_u8s8: 8-bit unsigned activations times signed weight codes of 1 to 8 bits, with a
// filter for each channel, exact in int32.
//
//   sums[p][c] = init[c] + sum over t of value(t, p)[c] * W[t][c],   W in -128..127
//
// depthwise.h says which values these are, and has the form of a kernel. Values are the codes
// of a 1- to 8-bit activation, in place in their map; `init` carries what the zero point
// adds. No step saturates.
//
// Overread: up to kOverread (tile_rows.h) bytes behind a pixel's channels are read and their
//   values ignored, so they must be readable.
// Overflow: exact modulo 2^32 on every ISA, also between the terms, hence exact where the sum
//   itself fits in 32 bits, which callers see to.
#ifndef SIGNUM_KERNELS_DEPTHWISE_U8S8_DEPTHWISE_U8S8_H_
#define SIGNUM_KERNELS_DEPTHWISE_U8S8_DEPTHWISE_U8S8_H_

#include <span>

#include "kernels/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile_rows.h"

namespace signum::kernels {

using DepthwiseU8S8Kernel = DepthwiseKernel<uint8_t, int8_t, int32_t>;

#define SIGNUM_KERNEL(symbol) extern const DepthwiseU8S8Kernel symbol;
#include "kernels/depthwise_u8s8/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const DepthwiseU8S8Kernel* const> DepthwiseU8S8Kernels();

// The best kernel that `allowed` and this CPU admit.
Selection<DepthwiseU8S8Kernel> SelectDepthwiseU8S8(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_DEPTHWISE_U8S8_DEPTHWISE_U8S8_H_
