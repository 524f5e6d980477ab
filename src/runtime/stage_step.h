// The steps at the ends and between the weighted ones that are a Finish alone:
// the network's input, batch norms, sums, clamps and quantizers without a
// convolution before them; bit planes; and the network's output.
#ifndef SIGNUM_RUNTIME_STAGE_STEP_H_
#define SIGNUM_RUNTIME_STAGE_STEP_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/code_planes/code_planes.h"
#include "runtime/finish.h"
#include "runtime/step.h"

namespace signum::runtime {

// Elements that a stage takes for a row of channels: one or more whole pixels of
// `shape`, so that the kernel's loop over channels is long. Element i of a row is
// of channel i % (the stored last size).
int64_t StageRowLength(const Shape& shape);

// finish(input), element by element. Where `input` holds codes, the finish's
// sums are code - zero_point. Its channels are StageRowLength(input.shape).
std::unique_ptr<const Step> MakeStageStep(const Value& input, Finish finish);

// Signs of dense codes.
std::unique_ptr<const Step> MakeSignsStep(const Value& input, Signs signs);

// Codes as planes of bits, with the ring that they have.
std::unique_ptr<const Step> MakePlanesStep(const Value& input, const Value& output,
                                           const kernels::CodePlanesKernel& kernel);

// The caller's images as the network's input: (x - mean_c) / deviation_c where
// there are means, and then `finish`, whose channels are those of a row of the
// image (width times channels), for a `shape` that is not of rank 4 all elements.
std::unique_ptr<const Step> MakeInputStep(const Shape& shape, std::vector<float> mean,
                                          std::vector<float> deviation, Finish finish);
// The channels of the finish of MakeInputStep.
int64_t InputRowLength(const Shape& shape);

// Writes `value` to the caller's outputs as floats in the IR's order.
std::unique_ptr<const Step> MakeOutputStep(const Value& value);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_STAGE_STEP_H_
