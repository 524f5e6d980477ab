#include "runtime/tactics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/rounding.h"
#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "runtime/integer_step.h"

namespace signum::runtime {
namespace {

using kernels::IntegerGemmKernel;
using Kernels = std::span<const IntegerGemmKernel* const>;

// What the layer multiplies, as a kernel sees it.
struct Work {
  int64_t rows, columns, groups;
  int64_t segments;     // of a row and one plane
  int64_t depth_bytes;  // of these, with what fills them up
  int64_t planes;
  bool bits;
  int64_t input_values;  // codes that would become planes
  bool in_place;
};

Work WorkOf(const ConvolutionGeometry& g, const Value& input, bool bits, int pad) {
  constexpr int64_t kStepBytes = 4;  // of depth: what the panels of every kernel are filled up to
  const int64_t taps = g.depth() / g.group_inputs();
  const int64_t inputs = bits ? (g.group_inputs() + 7) / 8 : g.group_inputs();
  const bool adjacent = g.groups == 1 && g.window.dilation[1] == 1;
  const int64_t together = adjacent ? g.window.kernel[1] : 1;
  return {.rows = g.pixels(),
          .columns = g.group_outputs(),
          .groups = g.groups,
          .segments = taps / together,
          .depth_bytes = taps / together * base::RoundUp(inputs * together, kStepBytes),
          .planes = bits ? input.encoding.bits : 1,
          .bits = bits,
          .input_values = input.elements(),
          .in_place = RingCovers(g, input, pad)};
}

// Seconds on one thread. Bandwidths and latencies are those of a core of today, rounded; as
// with kernels, their ratios alone count.
double Estimate(const Work& work, const Tactic& tactic) {
  constexpr double kCallSeconds = 40e-9;         // of a kernel and what finishes its sums
  constexpr double kRowSeconds = 2e-9;           // of what finishes a row
  constexpr double kFirstLevelBytes = 32 << 10;  // for the sums and the weights of a tile
  constexpr double kFirstLevelBandwidth = 200e9;
  constexpr double kSecondLevelBandwidth = 80e9;
  constexpr double kExpandBandwidth = 60e9;  // of the bytes that bits become
  constexpr double kGatherBandwidth = 8e9;
  constexpr double kPlaneValues = 30e9;  // codes a second that become bits of a plane
  const double rows = static_cast<double>(work.rows);
  const double columns = static_cast<double>(base::RoundUp(work.columns, kernels::kColumnMultiple));
  const double depth = static_cast<double>(work.depth_bytes);
  const double tile_rows = static_cast<double>(std::min(tactic.tile.rows, work.rows));
  const double tile_columns = std::min(static_cast<double>(tactic.tile.columns), columns);
  const double row_tiles = rows / tile_rows;  // not rounded up: lines seldom divide anyhow
  const kernels::IntegerGemmKernel& kernel = *tactic.kernel;
  const bool alone =
      kernel.row_alone.gops > 0 && work.rows == 1 && work.columns >= kernel.row_alone.least_columns;
  const bool expands = kernel.expansion != nullptr && work.rows >= kernel.expansion->least_rows;
  const double gops = alone     ? kernel.row_alone.gops
                      : expands ? kernel.expansion->nominal_gops
                                : kernel.nominal_gops;
  const int64_t start_bytes = alone     ? 0
                              : expands ? kernel.expansion->segment_cost_bytes
                                        : kernel.segment_cost_bytes;
  const double starts = static_cast<double>(work.segments * start_bytes);
  const double products =
      rows * columns * (depth + starts) * static_cast<double>(work.planes) * (work.bits ? 8 : 1);
  double seconds = 2e-9 * products / gops;
  seconds += row_tiles * std::max(1.0, columns / tile_columns) * kCallSeconds;
  seconds += rows * std::max(1.0, columns / tile_columns) * kRowSeconds;
  // The sums of a tile, written and read again.
  const double sum_bytes = tile_rows * tile_columns * 4;
  seconds += rows * columns * 8 /
             (sum_bytes <= kFirstLevelBytes ? kFirstLevelBandwidth : kSecondLevelBandwidth);
  // Weights, as bytes where the kernel expands bits, once for each tile of rows; rows, once
  // for each tile of columns.
  const double weight_bytes = columns * depth / (alone ? 8 : 1);
  seconds += row_tiles * weight_bytes / kSecondLevelBandwidth;
  if (expands) seconds += weight_bytes / kExpandBandwidth;
  seconds += rows * depth * static_cast<double>(work.planes) * (columns / tile_columns) /
             kFirstLevelBandwidth;
  if (!work.in_place) {
    // Once, or once more for each tile of columns whose weights are expanded for many rows.
    const double times = expands && row_tiles > 1 ? std::max(1.0, columns / tile_columns) : 1;
    seconds += times * rows * depth / kGatherBandwidth;
  }
  seconds *= static_cast<double>(work.groups);
  if (tactic.makes_planes) {
    seconds += kCallSeconds + static_cast<double>(work.input_values * work.planes) / kPlaneValues;
  }
  return seconds;
}

// Adds every kernel that can run, in every tile size.
void AddTactics(Kernels kernels, Isa isa, const Tactic& start, const Work& work,
                std::vector<Tactic>& tactics) {
  constexpr int64_t kSumBytes[] = {6 << 10, 12 << 10, 24 << 10};
  constexpr int64_t kColumns[] = {32, 64, 128};
  const int64_t columns = base::RoundUp(work.columns, kernels::kColumnMultiple);
  for (const IntegerGemmKernel* kernel : kernels) {
    if (kernel->isa > std::min(isa, DetectIsa())) continue;
    for (int64_t most : kColumns) {
      if (most > kColumns[0] && most / 2 >= columns) break;
      for (int64_t bytes : kSumBytes) {
        const int64_t width = std::min(most, columns);
        Tactic tactic = start;
        tactic.kernel = kernel;
        tactic.tile = {bytes / 4 / width, width};
        tactic.seconds = Estimate(work, tactic);
        tactics.push_back(tactic);
      }
    }
  }
}

// Groups in kernels of bytes, where 1-bit weights are -1 and +1, and every number of groups
// that may be taken as one, from `first` on.
void AddGroupsTogether(const ConvolutionGeometry& geometry, const Value& input, int64_t first,
                       int pad, Isa isa, std::vector<Tactic>& tactics) {
  constexpr int64_t kManyChannels = 64;
  if (geometry.groups == 1) return;
  for (int64_t together = first; together <= geometry.groups; ++together) {
    if (geometry.groups % together != 0) continue;
    const ConvolutionGeometry merged = WithGroupsTogether(geometry, together);
    if (together > 1 && std::min(merged.group_inputs(), merged.group_outputs()) > kManyChannels) {
      break;
    }
    AddTactics(kernels::GemmU8S8Kernels(), isa, {.groups_together = together},
               WorkOf(merged, input, false, pad), tactics);
  }
}

// Why codes of 1-bit weights cannot become planes; empty where they can.
std::string PlanesRefusal(const ConvolutionGeometry& g, const Value& input, int pad) {
  if (input.encoding.bits == 1) {
    return "the input is not stored as bits: what writes it, or another reader, needs codes";
  }
  if (g.groups > 1 && g.group_inputs() % 8 != 0) {
    return "the inputs of a group are no whole bytes of bits";
  }
  if (!RingCovers(g, input, pad)) return "the input has no ring that holds the padding";
  return "";
}

// The best tactic of every other operation than that of the first.
void AddSlower(const std::vector<Tactic>& tactics, int bits,
               std::vector<kernels::Refusal>& refused) {
  const auto operation = [](const Tactic& tactic) {
    return std::string_view(tactic.kernel->name).substr(0, std::strlen("gemm_u8w1"));
  };
  std::set<std::string_view> seen = {operation(tactics[0])};
  for (const Tactic& tactic : tactics) {
    if (!seen.insert(operation(tactic)).second) continue;
    const std::string planes =
        tactic.makes_planes ? fmt::format(" on {} planes of bits", bits) : "";
    refused.push_back(
        {tactic.kernel->name, fmt::format("estimated at {:.1f} us{}, against {:.1f} us",
                                          1e6 * tactic.seconds, planes, 1e6 * tactics[0].seconds)});
  }
}

}  // namespace

TacticName NameOf(const Tactic& tactic) {
  return {tactic.kernel->name, tactic.groups_together, tactic.tile};
}

ConvolutionGeometry WithGroupsTogether(ConvolutionGeometry geometry, int64_t groups_together) {
  geometry.groups /= groups_together;
  return geometry;
}

std::vector<Tactic> FindTactics(const ConvolutionGeometry& geometry, const Value& input,
                                int weight_bits, int pad, Isa isa,
                                std::vector<kernels::Refusal>& refused) {
  const auto add_refused = [&](const kernels::Selection<IntegerGemmKernel>& selection) {
    refused.insert(refused.end(), selection.refused.begin(), selection.refused.end());
  };
  std::vector<Tactic> tactics;
  if (input.bits) {
    add_refused(kernels::SelectGemmB1W1(isa));
    AddTactics(kernels::GemmB1W1Kernels(), isa, {}, WorkOf(geometry, input, true, pad), tactics);
  } else if (weight_bits == 1) {
    add_refused(kernels::SelectGemmU8W1(isa));
    AddTactics(kernels::GemmU8W1Kernels(), isa, {}, WorkOf(geometry, input, false, pad), tactics);
    if (const std::string why = PlanesRefusal(geometry, input, pad); !why.empty()) {
      refused.push_back({"gemm_b1w1", why});
    } else {
      AddTactics(kernels::GemmB1W1Kernels(), isa, {.makes_planes = true},
                 WorkOf(geometry, input, true, pad), tactics);
    }
  } else {
    add_refused(kernels::SelectGemmU8S8(isa));
    AddTactics(kernels::GemmU8S8Kernels(), isa, {}, WorkOf(geometry, input, false, pad), tactics);
    refused.push_back(
        {"gemm_b1w1, gemm_u8w1", fmt::format("the weights have {} bits, not 1", weight_bits)});
  }
  if (!input.bits) AddGroupsTogether(geometry, input, weight_bits == 1 ? 1 : 2, pad, isa, tactics);
  SIGNUM_CHECK(!tactics.empty());
  std::stable_sort(tactics.begin(), tactics.end(),
                   [](const Tactic& a, const Tactic& b) { return a.seconds < b.seconds; });
  AddSlower(tactics, input.encoding.bits, refused);
  return tactics;
}

}  // namespace signum::runtime
