// Pooling: windows over feature maps.
#ifndef SIGNUM_RUNTIME_POOL_STEPS_H_
#define SIGNUM_RUNTIME_POOL_STEPS_H_

#include <memory>

#include "graph/ops.h"
#include "kernels/max_pool/max_pool.h"
#include "runtime/step.h"

namespace signum::runtime {

// The largest value of each window. `output` has the encoding of `input`, and is bits where
// that is: codes rise with their values. Either may have a ring.
std::unique_ptr<const Step> MakeMaxPoolStep(const Window& window, const Value& input,
                                            const Value& output,
                                            const kernels::MaxPoolKernel& kernel);

// The mean of each window, as floats. Codes, which may have a ring, are
// summed exactly, then multiplied once. A global pool is one whose window is the map.
std::unique_ptr<const Step> MakeAveragePoolStep(const AveragePoolOp& op, const Value& input,
                                                const Value& output);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_POOL_STEPS_H_
