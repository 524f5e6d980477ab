#include "runtime/weighted_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/gemm_f32/gemm_f32.h"
#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "runtime/depthwise_step.h"
#include "runtime/gemm_step.h"
#include "runtime/integer_step.h"

namespace signum::runtime {
namespace {

// From {out, in / groups, taps} to {out, taps, in / groups}.
template <typename T>
std::vector<T> PatchOrder(const ConvolutionGeometry& geometry, std::span<const T> weights) {
  const int64_t inputs = geometry.group_inputs();
  const int64_t taps = geometry.depth() / inputs;
  if (taps == 1) return {weights.begin(), weights.end()};
  std::vector<T> ordered(weights.size());
  T* to = ordered.data();
  for (int64_t out = 0; out < geometry.out_channels; ++out) {
    const T* from = weights.data() + out * inputs * taps;
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t in = 0; in < inputs; ++in) *to++ = from[in * taps + tap];
    }
  }
  return ordered;
}

// From {channels, 1, taps} to {taps, channels}.
template <typename T>
std::vector<T> TapOrder(const ConvolutionGeometry& geometry, std::span<const T> weights) {
  const int64_t taps = geometry.depth();
  std::vector<T> ordered(weights.size());
  for (int64_t channel = 0; channel < geometry.out_channels; ++channel) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      ordered[tap * geometry.out_channels + channel] = weights[channel * taps + tap];
    }
  }
  return ordered;
}

// The signs of eight codes that are -1 or +1 as bits, the first least significant.
inline uint8_t EightBits(const int8_t* codes) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t word;
  std::memcpy(&word, codes, sizeof word);
  const uint64_t positive = ~word >> 7 & 0x0101010101010101u;
  return static_cast<uint8_t>(positive * 0x0102040810204080u >> 56);  // byte i to bit 56 + i
}

// From {out, in / groups, taps} to {out, taps, bytes}: the bits of a tap fill up its bytes
// as they do a pixel's of a map.
std::vector<int8_t> BitOrder(const ConvolutionGeometry& geometry, std::span<const int8_t> codes) {
  const int64_t inputs = geometry.group_inputs();
  const int64_t taps = geometry.depth() / inputs;
  const int64_t bytes = (inputs + 7) / 8;
  std::vector<int8_t> ordered(static_cast<size_t>(geometry.out_channels * taps * bytes));
  std::vector<uint8_t> bits(static_cast<size_t>(taps));  // one byte for each tap
  for (int64_t out = 0; out < geometry.out_channels; ++out) {
    int8_t* to = ordered.data() + out * taps * bytes;
    for (int64_t in = 0; in < inputs; in += 8) {
      const int8_t* from = codes.data() + (out * inputs + in) * taps;
      const int64_t count = std::min<int64_t>(8, inputs - in);
      if (taps == 1 && count == 8) {
        to[in / 8] = static_cast<int8_t>(EightBits(from));
        continue;
      }
      std::fill(bits.begin(), bits.end(), uint8_t{0});
      for (int64_t bit = 0; bit < count; ++bit, from += taps) {
        for (int64_t tap = 0; tap < taps; ++tap) {
          bits[tap] = static_cast<uint8_t>(bits[tap] | (from[tap] > 0 ? 1 << bit : 0));
        }
      }
      for (int64_t tap = 0; tap < taps; ++tap) {
        to[tap * bytes + in / 8] = static_cast<int8_t>(bits[tap]);
      }
    }
  }
  return ordered;
}

// What the zero point adds to the sums: -zero_point * sum over the row.
std::vector<int32_t> ZeroPointTerms(const ConvolutionGeometry& geometry,
                                    std::span<const int8_t> codes, int zero_point) {
  std::vector<int32_t> terms;
  for (int64_t out = 0; out < geometry.out_channels; ++out) {
    int64_t sum = 0;
    for (int8_t code : codes.subspan(out * geometry.depth(), geometry.depth())) sum += code;
    terms.push_back(static_cast<int32_t>(-zero_point * sum));
  }
  return terms;
}

bool IsDepthwise(const ConvolutionGeometry& geometry) {
  return geometry.groups > 1 && geometry.group_inputs() == 1 && geometry.group_outputs() == 1;
}

kernels::Selection<kernels::OutputStageKernel> SelectStage(Isa isa, WeightedStep& made) {
  auto stage = kernels::SelectOutputStage(isa);
  made.kernel += fmt::format(", {}", stage.kernel->name);
  made.refused.insert(made.refused.end(), stage.refused.begin(), stage.refused.end());
  return stage;
}

WeightedStep MakeIntegerStep(const ConvolutionGeometry& geometry, const Value& input,
                             kernels::Selection<kernels::IntegerGemmKernel> selection,
                             const std::vector<int8_t>& codes, std::vector<int32_t> init,
                             BorderTerms border, int pad, const FinishSpec& finish, Isa isa) {
  WeightedStep made;
  made.kernel = selection.kernel->name;
  made.refused = std::move(selection.refused);
  const auto stage = SelectStage(isa, made);
  auto step = std::make_unique<IntegerStep>(geometry, input, PlanRows(geometry, input, pad),
                                            selection.kernel, codes, std::move(init),
                                            std::move(border), pad, Finish(finish, stage.kernel));
  made.weight_bytes = step->weight_bytes();
  made.step = std::move(step);
  return made;
}

template <typename Kernel>
WeightedStep MakeDepthwiseStep(const ConvolutionGeometry& geometry, const Value& input,
                               kernels::Selection<Kernel> selection,
                               std::span<const typename Kernel::Weight> weights,
                               std::vector<typename Kernel::Sum> init, typename Kernel::Value pad,
                               const FinishSpec& finish, Isa isa) {
  WeightedStep made;
  made.kernel = selection.kernel->name;
  made.refused = std::move(selection.refused);
  made.refused.push_back({"gemm", "every channel has a filter of its own, so there is no matrix"});
  const auto stage = SelectStage(isa, made);
  auto step = std::make_unique<DepthwiseStep<Kernel>>(geometry, input, selection.kernel,
                                                      TapOrder(geometry, weights), std::move(init),
                                                      pad, Finish(finish, stage.kernel));
  made.weight_bytes = step->weight_bytes();
  made.step = std::move(step);
  return made;
}

}  // namespace

WeightedStep MakeQuantizedStep(const ConvolutionGeometry& geometry, const Value& input,
                               std::span<const int8_t> codes, int weight_bits, int pad_code,
                               const FinishSpec& finish, Isa isa) {
  const int pad = input.encoding.zero_point + pad_code;
  if (input.bits) {
    const std::vector<int32_t> init(geometry.out_channels, static_cast<int32_t>(geometry.depth()));
    WeightedStep made =
        MakeIntegerStep(geometry, input, kernels::SelectGemmB1W1(isa), BitOrder(geometry, codes),
                        init, BorderTerms(geometry, codes, pad_code), pad, finish, isa);
    made.arithmetic = Arithmetic::kBits;
    return made;
  }
  std::vector<int32_t> init = ZeroPointTerms(geometry, codes, input.encoding.zero_point);
  if (IsDepthwise(geometry)) {
    return MakeDepthwiseStep(geometry, input, kernels::SelectDepthwiseU8S8(isa), codes,
                             std::move(init), static_cast<uint8_t>(pad), finish, isa);
  }
  const std::vector<int8_t> ordered = PatchOrder(geometry, codes);
  WeightedStep made = weight_bits == 1
                          ? MakeIntegerStep(geometry, input, kernels::SelectGemmU8W1(isa), ordered,
                                            std::move(init), {}, pad, finish, isa)
                          : MakeIntegerStep(geometry, input, kernels::SelectGemmU8S8(isa), ordered,
                                            std::move(init), {}, pad, finish, isa);
  const bool one_bit = input.encoding.bits == 1;
  if (weight_bits != 1) {
    made.refused.push_back(
        {"gemm_b1w1, gemm_u8w1", fmt::format("the weights have {} bits, not 1", weight_bits)});
  } else if (!one_bit) {
    made.refused.push_back(
        {"gemm_b1w1", fmt::format("the input has {} bits, not 1", input.encoding.bits)});
  } else if (isa == Isa::kAmx) {
    made.refused.push_back({"gemm_b1w1", "AMX multiplies bytes faster than popcount does bits"});
  } else {
    made.refused.push_back(
        {"gemm_b1w1",
         "the input is not stored as bits: what writes it, or another reader, needs codes"});
  }
  return made;
}

WeightedStep MakeFloatStep(const ConvolutionGeometry& geometry, const Value& input,
                           std::span<const float> weights, float pad, const FinishSpec& finish,
                           Isa isa) {
  if (IsDepthwise(geometry)) {
    WeightedStep made =
        MakeDepthwiseStep(geometry, input, kernels::SelectDepthwiseF32(isa), weights,
                          std::vector<float>(geometry.out_channels), pad, finish, isa);
    made.arithmetic = Arithmetic::kFloat;
    return made;
  }
  auto gemm = kernels::SelectGemmF32(isa);
  WeightedStep made;
  made.kernel = gemm.kernel->name;
  made.refused = std::move(gemm.refused);
  const auto stage = SelectStage(isa, made);
  auto step =
      std::make_unique<GemmStep>(geometry, input, gemm.kernel, PatchOrder(geometry, weights), pad,
                                 Finish(finish, stage.kernel));
  made.weight_bytes = step->weight_bytes();
  made.step = std::move(step);
  made.arithmetic = Arithmetic::kFloat;
  return made;
}

}  // namespace signum::runtime
