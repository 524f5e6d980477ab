// Which of the loops of an ISA runs a stage: one for each kind of input, residual and output.
// For files of one ISA only: Rows must be a type of an anonymous namespace, so that what is
// instantiated here stays in the file it was compiled for. It has
//
//   template <typename Input, ResidualKind kResidual, OutputKind kOutput>
//   static void Run(const OutputStage&, const OutputStageRows&, const Input*, int64_t stride);
#ifndef SIGNUM_KERNELS_OUTPUT_STAGE_RUN_STAGE_H_
#define SIGNUM_KERNELS_OUTPUT_STAGE_RUN_STAGE_H_

#include "kernels/output_stage/output_stage.h"

namespace signum::kernels {

template <typename Rows, typename Input, ResidualKind kResidual>
void RunWithResidual(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
                     int64_t input_stride) {
  const auto run = [&]<OutputKind kOutput>() {
    Rows::template Run<Input, kResidual, kOutput>(stage, rows, input, input_stride);
  };
  switch (stage.output) {
    case OutputKind::kFloat: return run.template operator()<OutputKind::kFloat>();
    case OutputKind::kCodes: return run.template operator()<OutputKind::kCodes>();
    case OutputKind::kSign: return run.template operator()<OutputKind::kSign>();
    case OutputKind::kBits: return run.template operator()<OutputKind::kBits>();
  }
}

template <typename Rows, typename Input>
void RunStage(const OutputStage& stage, const OutputStageRows& rows, const Input* input,
              int64_t input_stride) {
  const auto run = [&]<ResidualKind kResidual>() {
    RunWithResidual<Rows, Input, kResidual>(stage, rows, input, input_stride);
  };
  switch (stage.residual) {
    case ResidualKind::kNone: return run.template operator()<ResidualKind::kNone>();
    case ResidualKind::kCodes: return run.template operator()<ResidualKind::kCodes>();
    case ResidualKind::kFloat: return run.template operator()<ResidualKind::kFloat>();
  }
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_OUTPUT_STAGE_RUN_STAGE_H_
