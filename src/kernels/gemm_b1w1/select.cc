#include "kernels/gemm_b1w1/gemm_b1w1.h"

namespace signum::kernels {

std::span<const GemmB1W1Kernel* const> GemmB1W1Kernels() {
  static constexpr const GemmB1W1Kernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/gemm_b1w1/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<GemmB1W1Kernel> SelectGemmB1W1(Isa allowed) {
  return SelectFirst(GemmB1W1Kernels(), allowed);
}

}  // namespace signum::kernels
