#include "kernels/gemm_u8w1/gemm_u8w1.h"

namespace signum::kernels {

std::span<const IntegerGemmKernel* const> GemmU8W1Kernels() {
  static constexpr const IntegerGemmKernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/gemm_u8w1/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<IntegerGemmKernel> SelectGemmU8W1(Isa allowed) {
  return SelectFirst(GemmU8W1Kernels(), allowed);
}

}  // namespace signum::kernels
