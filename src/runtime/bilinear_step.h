// Bilinear upsampling of feature maps.
#ifndef SIGNUM_RUNTIME_BILINEAR_STEP_H_
#define SIGNUM_RUNTIME_BILINEAR_STEP_H_

#include <memory>

#include "kernels/bilinear/bilinear.h"
#include "runtime/step.h"

namespace signum::runtime {

// Height and width times `scale`, sampled as UpsampleOp says. `input` is floats or dense
// codes, `output` floats.
std::unique_ptr<const Step> MakeBilinearStep(int scale, const Value& input, const Value& output,
                                             const kernels::BilinearKernel& kernel);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_BILINEAR_STEP_H_
