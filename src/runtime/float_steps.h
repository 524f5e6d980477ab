// Steps that compute on floats element by element or along an axis. Plain code,
// the same on every instruction set.
#ifndef SIGNUM_RUNTIME_FLOAT_STEPS_H_
#define SIGNUM_RUNTIME_FLOAT_STEPS_H_

#include <memory>
#include <vector>

#include "graph/ops.h"
#include "runtime/step.h"

namespace signum::runtime {

// scale * (code - zero_point).
std::unique_ptr<const Step> MakeDequantizeStep(const Value& input, const Value& output);

std::unique_ptr<const Step> MakeActivationStep(ActivationKind kind, const Value& input,
                                               const Value& output);

std::unique_ptr<const Step> MakeClampStep(const ClampOp& op, const Value& input,
                                          const Value& output);

// x > 0 ? x : slope_c * x. One slope per channel (axis 1), or one.
std::unique_ptr<const Step> MakePReluStep(std::vector<float> slopes, const Value& input,
                                          const Value& output);

// x * multiplier_c + bias_c over axis 1, wherever it is stored.
std::unique_ptr<const Step> MakeAffineStep(std::vector<float> multiplier, std::vector<float> bias,
                                           const Value& input, const Value& output);

enum class BinaryKind { kAdd, kSubtract, kMultiply, kDivide };
// a op b with NumPy's broadcasting; ranks are equal, and so are the batch axes.
std::unique_ptr<const Step> MakeBinaryStep(BinaryKind kind, const Value& a, const Value& b,
                                           const Value& output);

// `axis` is the IR's, 1 or higher.
std::unique_ptr<const Step> MakeSoftmaxStep(int axis, const Value& input, const Value& output);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_FLOAT_STEPS_H_
