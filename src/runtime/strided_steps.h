// Steps that reach elements by strides, for any rank and layout. Plain code, the
// same on every instruction set: what is rare enough to need no kernel.
#ifndef SIGNUM_RUNTIME_STRIDED_STEPS_H_
#define SIGNUM_RUNTIME_STRIDED_STEPS_H_

#include <memory>
#include <span>
#include <vector>

#include "graph/ops.h"
#include "graph/tensor.h"
#include "runtime/step.h"

namespace signum::runtime {

// The tensor, once for every image; its shape is the output's.
std::unique_ptr<const Step> MakeConstantStep(const Tensor& value, const Value& output);

// Floats or codes.
std::unique_ptr<const Step> MakePermuteStep(const TransposeOp& op, const Value& input,
                                            const Value& output);

std::unique_ptr<const Step> MakeReduceMeanStep(const ReduceMeanOp& op, const Value& input,
                                               const Value& output);

std::unique_ptr<const Step> MakeMatMulStep(const Value& a, const Value& b, const Value& output);

// weight: {in, out / groups, kernel_h, kernel_w}; bias: {out}, or empty.
std::unique_ptr<const Step> MakeConvTransposeStep(const ConvTransposeOp& op,
                                                  std::span<const float> weight,
                                                  std::span<const float> bias, const Value& input,
                                                  const Value& output);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_STRIDED_STEPS_H_
