// Pooling: windows over feature maps. Plain code, the same on every instruction set.
#ifndef SIGNUM_RUNTIME_POOL_STEPS_H_
#define SIGNUM_RUNTIME_POOL_STEPS_H_

#include <memory>

#include "graph/ops.h"
#include "runtime/step.h"

namespace signum::runtime {

// The largest value of each window. `output` has the encoding of `input`: codes
// rise with their values.
std::unique_ptr<const Step> MakeMaxPoolStep(const Window& window, const Value& input,
                                            const Value& output);

// The mean of each window, as floats. Codes are summed exactly, then multiplied
// once. A global pool is one whose window is the map.
std::unique_ptr<const Step> MakeAveragePoolStep(const AveragePoolOp& op, const Value& input,
                                                const Value& output);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_POOL_STEPS_H_
