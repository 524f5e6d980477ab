#include "runtime/weighted_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "kernels/gemm_f32/gemm_f32.h"
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

// The weights of `together` groups taken as one: {out, together * in / groups, taps}, zero but
// for an output's own inputs.
std::vector<int8_t> SpreadGroups(const ConvolutionGeometry& geometry, std::span<const int8_t> codes,
                                 int64_t together) {
  const int64_t depth = geometry.depth();
  std::vector<int8_t> spread(codes.size() * static_cast<size_t>(together));
  for (int64_t out = 0; out < geometry.out_channels; ++out) {
    const int64_t place = out / geometry.group_outputs() % together;
    std::copy_n(codes.data() + out * depth, depth,
                spread.data() + (out * together + place) * depth);
  }
  return spread;
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
  if (zero_point == 0) return std::vector<int32_t>(static_cast<size_t>(geometry.out_channels));
  std::vector<int32_t> terms;
  for (int64_t out = 0; out < geometry.out_channels; ++out) {
    int64_t sum = 0;
    for (int8_t code : codes.subspan(out * geometry.depth(), geometry.depth())) sum += code;
    terms.push_back(static_cast<int32_t>(-zero_point * sum));
  }
  return terms;
}

// What gemm_b1w1 adds to products of planes of bits: the highest code for each weight of +1.
void AddPlaneTerms(const ConvolutionGeometry& geometry, std::span<const int8_t> codes,
                   int highest_code, std::vector<int32_t>& terms) {
  for (int64_t out = 0; out < geometry.out_channels; ++out) {
    const auto row = codes.subspan(out * geometry.depth(), geometry.depth());
    const auto plus = static_cast<int32_t>(std::count(row.begin(), row.end(), int8_t{1}));
    terms[out] += highest_code * plus;
  }
}

kernels::Selection<kernels::OutputStageKernel> SelectStage(Isa isa, WeightedStep& made) {
  auto stage = kernels::SelectOutputStage(isa);
  made.kernel += fmt::format(", {}", stage.kernel->name);
  made.refused.insert(made.refused.end(), stage.refused.begin(), stage.refused.end());
  return stage;
}

WeightedStep MakeIntegerStep(const ConvolutionGeometry& geometry, const Value& input,
                             const Tactic& tactic, const std::vector<int8_t>& codes,
                             std::vector<int32_t> init, BorderTerms border, int pad,
                             const FinishSpec& finish, Isa isa) {
  WeightedStep made;
  made.kernel = tactic.kernel->name;
  if (tactic.groups_together > 1) {
    made.kernel += fmt::format(" on {} groups as one", tactic.groups_together);
  }
  const auto stage = SelectStage(isa, made);
  auto step = std::make_unique<IntegerStep>(geometry, input, PlanRows(geometry, input, pad), tactic,
                                            codes, std::move(init), std::move(border), pad,
                                            Finish(finish, stage.kernel));
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

bool IsDepthwise(const ConvolutionGeometry& geometry) {
  return geometry.groups > 1 && geometry.group_inputs() == 1 && geometry.group_outputs() == 1;
}

WeightedStep MakeQuantizedStep(const ConvolutionGeometry& geometry, const Value& input,
                               std::span<const int8_t> codes, int pad_code,
                               const FinishSpec& finish, Isa isa, const Tactic* tactic) {
  const int pad = input.encoding.zero_point + pad_code;
  std::vector<int32_t> init = ZeroPointTerms(geometry, codes, input.encoding.zero_point);
  if (tactic == nullptr) {
    SIGNUM_CHECK(IsDepthwise(geometry));
    return MakeDepthwiseStep(geometry, input, kernels::SelectDepthwiseU8S8(isa), codes,
                             std::move(init), static_cast<uint8_t>(pad), finish, isa);
  }
  if (tactic->groups_together > 1) {
    const ConvolutionGeometry merged = WithGroupsTogether(geometry, tactic->groups_together);
    const std::vector<int8_t> spread = SpreadGroups(geometry, codes, tactic->groups_together);
    return MakeIntegerStep(merged, input, *tactic, PatchOrder<int8_t>(merged, spread),
                           std::move(init), {}, pad, finish, isa);
  }
  if (!input.bits) {
    return MakeIntegerStep(geometry, input, *tactic, PatchOrder(geometry, codes), std::move(init),
                           {}, pad, finish, isa);
  }
  BorderTerms border;
  if (tactic->makes_planes) {
    AddPlaneTerms(geometry, codes, input.encoding.highest_code(), init);
  } else {
    init.assign(geometry.out_channels, static_cast<int32_t>(geometry.depth()));
    border = BorderTerms(geometry, codes, pad_code);
  }
  WeightedStep made = MakeIntegerStep(geometry, input, *tactic, BitOrder(geometry, codes),
                                      std::move(init), std::move(border), pad, finish, isa);
  made.arithmetic = Arithmetic::kBits;
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
