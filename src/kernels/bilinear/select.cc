#include "kernels/bilinear/bilinear.h"

namespace signum::kernels {

std::span<const BilinearKernel* const> BilinearKernels() {
  static constexpr const BilinearKernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/bilinear/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<BilinearKernel> SelectBilinear(Isa allowed) {
  return SelectFirst(BilinearKernels(), allowed);
}

}  // namespace signum::kernels
