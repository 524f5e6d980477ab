// Steps that move elements and compute nothing, on floats or codes alike.
#ifndef SIGNUM_RUNTIME_MOVE_STEPS_H_
#define SIGNUM_RUNTIME_MOVE_STEPS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "graph/ops.h"
#include "runtime/step.h"

namespace signum::runtime {

// Each image as a matrix: {rows, columns} to {columns, rows}. From NHWC to NCHW
// rows are pixels, the other way they are channels.
std::unique_ptr<const Step> MakeTransposeStep(int64_t rows, int64_t columns, const Value& input,
                                              const Value& output);

// `axis` is the IR's, 1 or higher; all values have the same encoding.
std::unique_ptr<const Step> MakeConcatStep(int axis, std::vector<Value> inputs,
                                           const Value& output);

// `op` pads no batch axis. A float `output` gets op.value, codes the zero point.
std::unique_ptr<const Step> MakePadStep(const PadOp& op, const Value& input, const Value& output);

// Every pixel `scale` times along both axes of a map.
std::unique_ptr<const Step> MakeNearestStep(int scale, const Value& input, const Value& output);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_MOVE_STEPS_H_
