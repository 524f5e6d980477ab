#include "kernels/depthwise_u8s8/depthwise_u8s8.h"

namespace signum::kernels {

std::span<const DepthwiseU8S8Kernel* const> DepthwiseU8S8Kernels() {
  static constexpr const DepthwiseU8S8Kernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/depthwise_u8s8/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<DepthwiseU8S8Kernel> SelectDepthwiseU8S8(Isa allowed) {
  return SelectFirst(DepthwiseU8S8Kernels(), allowed);
}

}  // namespace signum::kernels
