#include "runtime/integer_step.h"

#include <map>

namespace signum::runtime {
namespace {

// Pixels that the last window along an axis reads behind the map.
int64_t Behind(int64_t out, int64_t in, int stride, int kernel, int dilation, int before) {
  const int64_t end = (out - 1) * stride + int64_t{dilation} * (kernel - 1) + 1 - before;
  return std::max<int64_t>(0, end - in);
}

bool RingCovers(const ConvolutionGeometry& g, const Value& input, int pad) {
  const Window& w = g.window;
  const int64_t bottom =
      Behind(g.out_height, g.in_height, w.stride[0], w.kernel[0], w.dilation[0], w.padding.top);
  const int64_t right =
      Behind(g.out_width, g.in_width, w.stride[1], w.kernel[1], w.dilation[1], w.padding.left);
  const Padding& ring = input.ring;
  const bool needs = w.padding.top > 0 || w.padding.left > 0 || bottom > 0 || right > 0;
  return ring.top >= w.padding.top && ring.left >= w.padding.left && ring.bottom >= bottom &&
         ring.right >= right && (!needs || input.bits || input.ring_code == pad);
}

// For each position along an axis a kind: 0 where all taps are inside, else one for each
// set of taps that are. taps[kind] = first and last + 1 inside.
struct Kinds {
  std::vector<int> of;
  std::vector<std::pair<int64_t, int64_t>> taps;
};
Kinds KindsAlong(int64_t out, int64_t in, int stride, int kernel, int dilation, int before) {
  Kinds kinds{{}, {{0, kernel}}};
  std::map<std::pair<int64_t, int64_t>, int> known = {{kinds.taps[0], 0}};
  for (int64_t i = 0; i < out; ++i) {
    std::pair<int64_t, int64_t> inside = {kernel, kernel};
    for (int64_t tap = 0; tap < kernel; ++tap) {
      const int64_t at = i * stride - before + tap * dilation;
      if (at < 0 || at >= in) continue;
      if (inside.first == kernel) inside.first = tap;
      inside.second = tap + 1;
    }
    const auto [found, fresh] = known.emplace(inside, static_cast<int>(kinds.taps.size()));
    if (fresh) kinds.taps.push_back(inside);
    kinds.of.push_back(found->second);
  }
  return kinds;
}

}  // namespace

RowsPlan PlanRows(const ConvolutionGeometry& g, const Value& input, int pad) {
  RowsPlan plan;
  plan.in_place = RingCovers(g, input, pad);
  if (!plan.in_place) {
    plan.depth = {.segments = 1, .bytes = g.depth()};
    plan.offsets = {0};
    return plan;
  }
  const Window& w = g.window;
  const int64_t pixel = input.pixel_bytes();
  const int64_t line = input.line_bytes();
  // Taps that are adjacent in the map are one segment.
  const bool adjacent = (g.groups == 1 && w.dilation[1] == 1) || w.kernel[1] == 1;
  const int taps = adjacent ? 1 : w.kernel[1];
  const int64_t bytes = pixel / g.groups * (w.kernel[1] / taps);
  if (adjacent && bytes == line && w.dilation[0] == 1) {
    plan.depth = {.segments = 1, .bytes = w.kernel[0] * bytes};
    plan.offsets = {0};
    return plan;
  }
  plan.depth = {.segments = int64_t{w.kernel[0]} * taps, .bytes = bytes};
  for (int64_t ky = 0; ky < w.kernel[0]; ++ky) {
    for (int64_t kx = 0; kx < taps; ++kx) {
      plan.offsets.push_back(ky * w.dilation[0] * line + kx * w.dilation[1] * pixel);
    }
  }
  return plan;
}

BorderTerms::BorderTerms(const ConvolutionGeometry& g, std::span<const int8_t> codes,
                         int pad_code) {
  const Window& w = g.window;
  const Kinds lines =
      KindsAlong(g.out_height, g.in_height, w.stride[0], w.kernel[0], w.dilation[0], w.padding.top);
  const Kinds pixels =
      KindsAlong(g.out_width, g.in_width, w.stride[1], w.kernel[1], w.dilation[1], w.padding.left);
  if (pad_code == -1 || lines.taps.size() * pixels.taps.size() == 1) return;
  channels_ = g.out_channels;
  line_kinds_ = lines.of;
  pixel_kinds_ = pixels.of;
  pixel_kind_count_ = static_cast<int64_t>(pixels.taps.size());
  const int64_t taps = int64_t{w.kernel[0]} * w.kernel[1];
  for (const auto& [y0, y1] : lines.taps) {
    for (const auto& [x0, x1] : pixels.taps) {
      for (int64_t out = 0; out < channels_; ++out) {
        int32_t outside = 0;
        for (int64_t in = 0; in < g.group_inputs(); ++in) {
          const int8_t* filter = codes.data() + (out * g.group_inputs() + in) * taps;
          for (int64_t tap = 0; tap < taps; ++tap) {
            const int64_t y = tap / w.kernel[1];
            const int64_t x = tap % w.kernel[1];
            if (y < y0 || y >= y1 || x < x0 || x >= x1) outside += filter[tap];
          }
        }
        terms_.push_back((pad_code + 1) * outside);
      }
    }
  }
}

void BorderTerms::Add(int64_t line, int64_t lines, int64_t first, int64_t count, int32_t* sums,
                      int64_t stride) const {
  const auto width = static_cast<int64_t>(pixel_kinds_.size());
  for (int64_t y = line; y < line + lines; ++y) {
    const int64_t kinds = line_kinds_[y] * pixel_kind_count_;
    for (int64_t x = 0; x < width; ++x, sums += stride) {
      const int64_t kind = kinds + pixel_kinds_[x];
      if (kind == 0) continue;
      const int32_t* terms = terms_.data() + kind * channels_ + first;
      for (int64_t c = 0; c < count; ++c) sums[c] += terms[c];
    }
  }
}

IntegerTiling ChooseIntegerTiling(const ConvolutionGeometry& g, int64_t batch, int64_t most_units,
                                  int threads) {
  const bool across = g.pixels() == 1;
  const int64_t units = across ? batch : g.out_height;
  const int64_t images = across ? 1 : batch;
  const int64_t unit_rows = across ? 1 : g.out_width;
  const int64_t columns = g.group_outputs();
  IntegerTiling tiling{std::min(units, most_units), columns};
  if (threads == 1) return tiling;
  // Pieces large enough to be worth waking a thread for, and three or more a thread
  // where there is work for them.
  constexpr int64_t kLeastMacs = 1 << 18;
  const int64_t least = kLeastMacs / (unit_rows * columns * g.depth()) + 1;
  const int64_t fair = (units * images * g.groups + threads * 3 - 1) / (threads * 3);
  tiling.units = std::min(tiling.units, std::max(least, fair));
  const int64_t pieces = (units + tiling.units - 1) / tiling.units * images * g.groups;
  if (pieces < threads) {
    const int64_t splits = (threads + pieces - 1) / pieces;
    const int64_t least_columns = kLeastMacs / (tiling.units * unit_rows * g.depth()) + 1;
    const int64_t wanted = std::max(least_columns, (columns + splits - 1) / splits);
    tiling.columns = std::min(columns, (wanted + kernels::kColumnMultiple - 1) /
                                           kernels::kColumnMultiple * kernels::kColumnMultiple);
  }
  return tiling;
}

}  // namespace signum::runtime
