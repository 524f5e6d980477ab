#include "kernels/gemm_f32/gemm_f32.h"

namespace signum::kernels {

std::span<const GemmF32Kernel* const> GemmF32Kernels() {
  static constexpr const GemmF32Kernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/gemm_f32/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<GemmF32Kernel> SelectGemmF32(Isa allowed) {
  return SelectFirst(GemmF32Kernels(), allowed);
}

}  // namespace signum::kernels
