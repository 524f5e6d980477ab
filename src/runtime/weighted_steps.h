// The steps with weights: convolutions and linear layers on codes or floats,
// each with what follows it up to the next stored value.
#ifndef SIGNUM_RUNTIME_WEIGHTED_STEPS_H_
#define SIGNUM_RUNTIME_WEIGHTED_STEPS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "kernels/kernel.h"
#include "runtime/finish.h"
#include "runtime/patches.h"
#include "runtime/program.h"
#include "runtime/step.h"
#include "runtime/tactics.h"

namespace signum::runtime {

// A step with the names of the kernels it runs on.
struct WeightedStep {
  std::unique_ptr<const Step> step;
  std::string kernel;
  std::vector<kernels::Refusal> refused;
  Arithmetic arithmetic = Arithmetic::kInt8;
  int64_t weight_bytes = 0;  // packed
};

// sums = sum over taps of code_w * (code_x - zero_point), exact in int32.
// `codes`: {out, in / groups, kernel_h, kernel_w} as the IR has them, each -1 or
// +1 where weights have 1 bit. Padding counts as `pad_code`: 0 adds nothing. `tactic` is one of
// FindTactics, whose planes `input` is where it makes_planes; null for a depthwise convolution.
WeightedStep MakeQuantizedStep(const ConvolutionGeometry& geometry, const Value& input,
                               std::span<const int8_t> codes, int pad_code,
                               const FinishSpec& finish, Isa isa, const Tactic* tactic);

// Whether every channel has a filter of its own, so that there is no matrix to multiply.
bool IsDepthwise(const ConvolutionGeometry& geometry);

// The same on floats.
WeightedStep MakeFloatStep(const ConvolutionGeometry& geometry, const Value& input,
                           std::span<const float> weights, float pad, const FinishSpec& finish,
                           Isa isa);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_WEIGHTED_STEPS_H_
