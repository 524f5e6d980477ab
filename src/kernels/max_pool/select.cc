#include "kernels/max_pool/max_pool.h"

namespace signum::kernels {

std::span<const MaxPoolKernel* const> MaxPoolKernels() {
  static constexpr const MaxPoolKernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/max_pool/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<MaxPoolKernel> SelectMaxPool(Isa allowed) {
  return SelectFirst(MaxPoolKernels(), allowed);
}

}  // namespace signum::kernels
