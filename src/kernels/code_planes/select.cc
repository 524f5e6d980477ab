#include "kernels/code_planes/code_planes.h"

namespace signum::kernels {

std::span<const CodePlanesKernel* const> CodePlanesKernels() {
  static constexpr const CodePlanesKernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/code_planes/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<CodePlanesKernel> SelectCodePlanes(Isa allowed) {
  return SelectFirst(CodePlanesKernels(), allowed);
}

}  // namespace signum::kernels
