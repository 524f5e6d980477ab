#include "kernels/depthwise_f32/depthwise_f32.h"

namespace signum::kernels {

std::span<const DepthwiseF32Kernel* const> DepthwiseF32Kernels() {
  static constexpr const DepthwiseF32Kernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/depthwise_f32/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<DepthwiseF32Kernel> SelectDepthwiseF32(Isa allowed) {
  return SelectFirst(DepthwiseF32Kernels(), allowed);
}

}  // namespace signum::kernels
