#include "kernels/gemm_u8s8/gemm_u8s8.h"

namespace signum::kernels {

std::span<const IntegerGemmKernel* const> GemmU8S8Kernels() {
  static constexpr const IntegerGemmKernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/gemm_u8s8/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<IntegerGemmKernel> SelectGemmU8S8(Isa allowed) {
  return SelectFirst(GemmU8S8Kernels(), allowed);
}

}  // namespace signum::kernels
