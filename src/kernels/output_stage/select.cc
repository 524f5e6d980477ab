#include "kernels/output_stage/output_stage.h"

namespace signum::kernels {

std::span<const OutputStageKernel* const> OutputStageKernels() {
  static constexpr const OutputStageKernel* kKernels[] = {
#define SIGNUM_KERNEL(symbol) &symbol,
#include "kernels/output_stage/kernels.inc"
#undef SIGNUM_KERNEL
  };
  return kKernels;
}

Selection<OutputStageKernel> SelectOutputStage(Isa allowed) {
  return SelectFirst(OutputStageKernels(), allowed);
}

}  // namespace signum::kernels
