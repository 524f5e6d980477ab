#include "kernels/code_signs/code_signs.h"

namespace signum::kernels {

std::span<const CodeSignsKernel* const> CodeSignsKernels() {
  static constexpr const CodeSignsKernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/code_signs/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<CodeSignsKernel> SelectCodeSigns(Isa allowed) {
  return SelectFirst(CodeSignsKernels(), allowed);
}

}  // namespace signum::kernels
