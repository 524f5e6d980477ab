#include "kernels/gemm_u8s8/gemm_u8s8.h"

namespace signum::kernels {

std::span<const GemmU8S8Kernel* const> GemmU8S8Kernels() {
  static constexpr const GemmU8S8Kernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/gemm_u8s8/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<GemmU8S8Kernel> SelectGemmU8S8(Isa allowed) {
  return SelectFirst(GemmU8S8Kernels(), allowed);
}

}  // namespace signum::kernels
