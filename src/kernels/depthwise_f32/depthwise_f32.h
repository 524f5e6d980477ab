// depthwise_f32: float activations times float weights, with a filter for each channel, for
// the layers of a network that are not quantized.
//
//   sums[p][c] = init[c] + sum over t of value(t, p)[c] * W[t][c], summed column by column
//
// depthwise.h says which values these are, and has the form of a kernel. All kernels but the
// reference fuse each multiply with its add (one rounding), so results differ between ISAs
// in the last bits. On one ISA a sum depends on its own values and weights alone: not on the
// other pixels and channels of the call.
//
// Overread: none. Overflow and NaN: as IEEE 754 has it.
#ifndef SIGNUM_KERNELS_DEPTHWISE_F32_DEPTHWISE_F32_H_
#define SIGNUM_KERNELS_DEPTHWISE_F32_DEPTHWISE_F32_H_

#include <span>

#include "kernels/depthwise.h"
#include "kernels/kernel.h"

namespace signum::kernels {

using DepthwiseF32Kernel = DepthwiseKernel<float, float, float>;

#define SIGNUM_KERNEL(symbol) extern const DepthwiseF32Kernel symbol;
#include "kernels/depthwise_f32/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const DepthwiseF32Kernel* const> DepthwiseF32Kernels();

// The best kernel that `allowed` and this CPU admit.
Selection<DepthwiseF32Kernel> SelectDepthwiseF32(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_DEPTHWISE_F32_DEPTHWISE_F32_H_
