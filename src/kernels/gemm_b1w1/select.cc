#include "kernels/gemm_b1w1/gemm_b1w1.h"

namespace signum::kernels {

std::span<const IntegerGemmKernel* const> GemmB1W1Kernels() {
  static constexpr const IntegerGemmKernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/gemm_b1w1/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<IntegerGemmKernel> SelectGemmB1W1(Isa allowed) {
  return SelectFirst(GemmB1W1Kernels(), allowed);
}

}  // namespace signum::kernels
