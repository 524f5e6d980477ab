#include "runtime/integer_step.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/rounding.h"
#include "runtime/pieces.h"

namespace signum::runtime {
namespace {

// Pixels that the last window along an axis reads behind the map.
int64_t Behind(int64_t out, int64_t in, int stride, int kernel, int dilation, int before) {
  const int64_t end = (out - 1) * stride + int64_t{dilation} * (kernel - 1) + 1 - before;
  return std::max<int64_t>(0, end - in);
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

bool RingCovers(const ConvolutionGeometry& g, const Value& input, int pad) {
  const Window& w = g.window;
  const int64_t bottom =
      Behind(g.out_height, g.in_height, w.stride[0], w.kernel[0], w.dilation[0], w.padding.top);
  const int64_t right =
      Behind(g.out_width, g.in_width, w.stride[1], w.kernel[1], w.dilation[1], w.padding.left);
  const Padding& ring = input.ring;
  const bool needs = w.padding.top > 0 || w.padding.left > 0 || bottom > 0 || right > 0;
  const bool corrected = input.bits && input.encoding.bits == 1;
  return ring.top >= w.padding.top && ring.left >= w.padding.left && ring.bottom >= bottom &&
         ring.right >= right && (!needs || corrected || input.ring_code == pad);
}

namespace {

// The segments of one plane.
RowsPlan PlanPlane(const ConvolutionGeometry& g, const Value& input, int pad) {
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

}  // namespace

RowsPlan PlanRows(const ConvolutionGeometry& g, const Value& input, int pad) {
  RowsPlan plan = PlanPlane(g, input, pad);
  plan.depth.planes = input.planes();
  for (int64_t plane = 1; plane < plan.depth.planes; ++plane) {
    for (int64_t segment = 0; segment < plan.depth.segments; ++segment) {
      plan.offsets.push_back(plan.offsets[segment] + plane * input.plane_bytes());
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
  for (int64_t x = 0; x < g.out_width; ++x) {
    if (pixel_kinds_[x] != 0) border_pixels_.push_back(x);
  }
  pixel_kind_count_ = static_cast<int64_t>(pixels.taps.size());
  const int64_t taps = int64_t{w.kernel[0]} * w.kernel[1];
  // below[y][x]: the sum of the taps above y and left of x of one channel, over its inputs.
  const int64_t height = w.kernel[0];
  const int64_t width = w.kernel[1];
  const int64_t stride = width + 1;
  const auto pixel_kinds = static_cast<int64_t>(pixels.taps.size());
  terms_.resize(lines.taps.size() * pixels.taps.size() * static_cast<size_t>(channels_));
  std::vector<int32_t> below(static_cast<size_t>((height + 1) * stride));
  for (int64_t out = 0; out < channels_; ++out) {
    const int8_t* filters = codes.data() + out * g.depth();
    for (int64_t tap = 0; tap < taps; ++tap) {
      int32_t sum = 0;
      for (int64_t in = 0; in < g.group_inputs(); ++in) sum += filters[in * taps + tap];
      const int64_t at = (tap / width + 1) * stride + tap % width + 1;
      below[at] = sum + below[at - 1] + below[at - stride] - below[at - stride - 1];
    }
    const int32_t all = below.back();
    for (size_t line = 0; line < lines.taps.size(); ++line) {
      const auto [y0, y1] = lines.taps[line];
      for (size_t pixel = 0; pixel < pixels.taps.size(); ++pixel) {
        const auto [x0, x1] = pixels.taps[pixel];
        const int32_t inside = below[y1 * stride + x1] - below[y0 * stride + x1] -
                               below[y1 * stride + x0] + below[y0 * stride + x0];
        const int64_t kind = static_cast<int64_t>(line) * pixel_kinds + static_cast<int64_t>(pixel);
        terms_[kind * channels_ + out] = (pad_code + 1) * (all - inside);
      }
    }
  }
}

void BorderTerms::Add(const RowBlock& block, int64_t first, int64_t count, int32_t* sums,
                      int64_t stride) const {
  for (int64_t y = block.line; y < block.line + block.lines; ++y, sums += block.pixels * stride) {
    const int64_t kinds = line_kinds_[y] * pixel_kind_count_;
    // To the block's pixel i, which is the map's pixel x.
    const auto add = [&](int64_t i, int64_t x) {
      const int32_t* terms = terms_.data() + (kinds + pixel_kinds_[x]) * channels_ + first;
      int32_t* to = sums + i * stride;
      for (int64_t c = 0; c < count; ++c) to[c] += terms[c];
    };
    if (block.across_images) {  // images of one pixel have one kind of border
      for (int64_t i = 0; i < block.pixels; ++i) add(i, 0);
    } else if (kinds != 0) {
      for (int64_t i = 0; i < block.pixels; ++i) add(i, block.pixel + i);
    } else {
      const auto begin =
          std::lower_bound(border_pixels_.begin(), border_pixels_.end(), block.pixel);
      for (auto x = begin; x != border_pixels_.end() && *x < block.pixel + block.pixels; ++x) {
        add(*x - block.pixel, *x);
      }
    }
  }
}

IntegerStep::IntegerStep(const ConvolutionGeometry& geometry, const Value& input, RowsPlan rows,
                         const Tactic& tactic, const std::vector<int8_t>& weights,
                         std::vector<int32_t> init, BorderTerms border, int pad, Finish finish)
    : geometry_(geometry),
      input_(input),
      rows_(std::move(rows)),
      kernel_(tactic.kernel),
      init_(std::move(init)),
      border_(std::move(border)),
      pad_(static_cast<uint8_t>(pad)),
      finish_(std::move(finish)),
      tile_{tactic.tile.rows, std::min(tactic.tile.columns, geometry.group_outputs())} {
  SIGNUM_CHECK(rows_.in_place || input.is_dense());
  const int64_t n = geometry.group_outputs();
  group_bytes_ = AlignUp(static_cast<int64_t>(kernel_->packed_bytes(n, rows_.depth)));
  packed_ = AlignedBuffer(static_cast<size_t>(group_bytes_ * geometry.groups));
  for (int64_t group = 0; group < geometry.groups; ++group) {
    kernel_->pack(weights.data() + group * n * rows_.depth.total(), n, rows_.depth,
                  Packed(group, 0));
  }
  if (kernel_->expansion != nullptr) FitExpanded();
  // No tile has rows of two maps; but a row alone has room for all columns (RunPiece).
  if (geometry.pixels() > 1) {
    const int64_t column_tiles = base::DivideUp(n, tile_.columns);
    tile_.rows = std::min(tile_.rows, std::max(geometry.pixels(), column_tiles));
  }
  // Patches stay in the second-level cache.
  constexpr int64_t kPatchBytes = 128 << 10;
  if (!rows_.in_place) {
    tile_.rows = std::clamp<int64_t>(kPatchBytes / geometry.depth(),
                                     std::min<int64_t>(8, tile_.rows), tile_.rows);
  }
}

void IntegerStep::FitExpanded() {
  // Expanded weights stay in a part of the second-level cache, but where the depth is so great
  // that those of kFew columns do not. Those of many columns are not expanded all at once even if
  // small, and those of few share with the sums what sums may take alone: a small network has
  // little other memory.
  constexpr int64_t kMostBytes = 320 << 10;
  constexpr int64_t kWithSumsBytes = 26 << 10;
  constexpr int64_t kFew = 2 * kernels::kColumnMultiple;
  const auto bytes = [&](int64_t columns) {
    return static_cast<int64_t>(kernel_->expansion->expanded_bytes(columns, rows_.depth));
  };
  const int64_t columns = std::min(kMostBytes / bytes(kFew) * kFew, geometry_.group_outputs() / 2);
  const int64_t sums = tile_.rows * tile_.columns;
  tile_.columns = std::min(tile_.columns, std::max(columns / kFew * kFew, kFew));
  tile_.rows = sums / tile_.columns;
  if (geometry_.group_outputs() > kFew) return;
  const int64_t rows =
      (kWithSumsBytes - bytes(tile_.columns)) / (tile_.columns * int64_t{sizeof(int32_t)});
  constexpr int64_t kLeastRows = 64;
  tile_.rows = std::min(tile_.rows, std::max(rows, kLeastRows));
}

int64_t IntegerStep::scratch_bytes() const {
  int64_t bytes = SumBytes() + PatchBytes();
  if (kernel_->expansion != nullptr) {
    const size_t expanded = kernel_->expansion->expanded_bytes(tile_.columns, rows_.depth);
    bytes += AlignUp(static_cast<int64_t>(expanded));
  }
  return bytes;
}

void IntegerStep::Run(const RunContext& context) const {
  const bool across = geometry_.pixels() == 1;
  const Pieces pieces({.images = across ? 1 : context.batch,
                       .lines = across ? 1 : geometry_.out_height,
                       .pixels = across ? context.batch : geometry_.out_width,
                       .groups = geometry_.groups,
                       .columns = geometry_.group_outputs(),
                       .depth = geometry_.depth(),
                       .most_rows = tile_.rows,
                       .column_multiple = kernels::kColumnMultiple},
                      context.pool->threads());
  // Where weights are expanded, threads take runs of pieces, a few more than there are threads,
  // for these are seldom equally fast. That must be worth it for the rows of a run.
  const int64_t count = pieces.count();
  const int64_t threads = context.pool->threads();
  const int64_t runs = std::min(count, threads == 1 ? 1 : 2 * threads);
  const kernels::Expansion* expansion = kernel_->expansion;
  if (expansion == nullptr || geometry_.pixels() * context.batch < runs * expansion->least_rows) {
    context.pool->ParallelFor(count, [&](int64_t index, int thread) {
      RunPiece(context, pieces.at(index), context.Scratch(thread));
    });
    return;
  }
  context.pool->ParallelFor(runs, [&](int64_t run, int thread) {
    RunExpanded(context, pieces, run * count / runs, (run + 1) * count / runs,
                context.Scratch(thread));
  });
}

int64_t IntegerStep::SumBytes() const {
  return AlignUp(tile_.rows * tile_.columns * int64_t{sizeof(int32_t)});
}

int64_t IntegerStep::PatchBytes() const {
  const int64_t bytes = rows_.in_place ? 0 : tile_.rows * geometry_.depth();
  return AlignUp(bytes + kernels::kOverread);
}

uint8_t* IntegerStep::Packed(int64_t group, int64_t column) const {
  const size_t bytes = column == 0 ? 0 : kernel_->packed_bytes(column, rows_.depth);
  return packed_.as<uint8_t>() + group * group_bytes_ + bytes;
}

kernels::TileRows IntegerStep::InPlace(const RunContext& context, int64_t group,
                                       const RowBlock& block) const {
  const Window& window = geometry_.window;
  const int64_t y = block.line * window.stride[0] - window.padding.top;
  const int64_t x = block.pixel * window.stride[1] - window.padding.left;
  const int64_t group_bytes = input_.pixel_bytes() / geometry_.groups;
  kernels::TileRows rows;
  rows.a =
      context.At<const uint8_t>(input_) + input_.offset(block.image, y, x) + group * group_bytes;
  rows.offsets = rows_.offsets.data();
  rows.lines = block.lines;
  rows.pixels = block.pixels;
  rows.line_stride = window.stride[0] * input_.line_bytes();
  rows.pixel_stride =
      block.across_images ? input_.image_bytes() : window.stride[1] * input_.pixel_bytes();
  if (rows.line_stride == rows.pixels * rows.pixel_stride) {
    rows.pixels *= rows.lines;
    rows.lines = 1;
  }
  return rows;
}

kernels::TileRows IntegerStep::Gathered(const RunContext& context, int64_t group,
                                        const RowBlock& block, uint8_t* patches) const {
  const int64_t count = block.lines * block.pixels;
  const int64_t first = block.across_images ? block.image
                                            : block.image * geometry_.pixels() +
                                                  block.line * geometry_.out_width + block.pixel;
  GatherPatches<uint8_t>(geometry_, context.At<const uint8_t>(input_), group, pad_, first, count,
                         geometry_.depth(), patches);
  kernels::TileRows rows;
  rows.a = patches;
  rows.offsets = rows_.offsets.data();
  rows.pixels = count;
  rows.pixel_stride = geometry_.depth();
  return rows;
}

Finish::Tile IntegerStep::TileOf(const Piece& piece) const {
  Finish::Tile tile;
  if (geometry_.pixels() == 1) {
    tile.rows = RowBlock::Images(piece.pixel, piece.pixels);
  } else {
    tile.rows = RowBlock::Lines(piece.image, piece.line, piece.lines, piece.pixels);
    tile.rows.pixel = piece.pixel;
  }
  tile.first_channel = piece.group * geometry_.group_outputs() + piece.column;
  tile.channels = piece.columns;
  return tile;
}

kernels::TileRows IntegerStep::RowsOf(const RunContext& context, const Piece& piece,
                                      std::byte* scratch) const {
  const RowBlock block = TileOf(piece).rows;
  if (rows_.in_place) return InPlace(context, piece.group, block);
  return Gathered(context, piece.group, block, reinterpret_cast<uint8_t*>(scratch + SumBytes()));
}

void IntegerStep::RunPiece(const RunContext& context, const Piece& piece,
                           std::byte* scratch) const {
  const kernels::TileRows rows = RowsOf(context, piece, scratch);
  // What there is room for; a row alone meets weights faster where they are many.
  const int64_t rooms = rows.rows() == 1 ? tile_.rows : 1;
  const int64_t columns = rooms * tile_.columns;
  Finish::Tile tile = TileOf(piece);
  for (int64_t done = 0; done < piece.columns; done += columns) {
    tile.channels = std::min(columns, piece.columns - done);
    RunColumns(context, kernel_->run, Packed(piece.group, piece.column + done), rows, tile,
               scratch);
    tile.first_channel += tile.channels;
  }
}

void IntegerStep::RunExpanded(const RunContext& context, const Pieces& pieces, int64_t begin,
                              int64_t end, std::byte* scratch) const {
  const kernels::Expansion& expansion = *kernel_->expansion;
  auto* expanded = reinterpret_cast<uint8_t*>(scratch + SumBytes() + PatchBytes());
  kernels::TileRows rows;
  int64_t rows_of = -1;  // the piece that patches were gathered for last
  for (int64_t done = 0; done < geometry_.group_outputs(); done += tile_.columns) {
    const uint8_t* expanded_from = nullptr;
    for (int64_t index = begin; index < end; ++index) {
      const Piece piece = pieces.at(index);
      if (done >= piece.columns) continue;
      if (rows_of != index) rows = RowsOf(context, piece, scratch);
      rows_of = index;
      Finish::Tile tile = TileOf(piece);
      tile.first_channel += done;
      tile.channels = std::min(tile_.columns, piece.columns - done);
      const uint8_t* packed = Packed(piece.group, piece.column + done);
      if (packed != expanded_from) expansion.expand(tile.channels, rows_.depth, packed, expanded);
      expanded_from = packed;
      RunColumns(context, expansion.run, expanded, rows, tile, scratch);
    }
  }
}

void IntegerStep::RunColumns(const RunContext& context, Product product, const uint8_t* packed,
                             const kernels::TileRows& rows, Finish::Tile tile,
                             std::byte* scratch) const {
  auto* sums = reinterpret_cast<int32_t*>(scratch);
  tile.stride = tile.channels;
  product(rows, tile.channels, rows_.depth, packed, init_.data() + tile.first_channel, sums,
          tile.stride);
  if (border_.bytes() > 0) {
    border_.Add(tile.rows, tile.first_channel, tile.channels, sums, tile.stride);
  }
  finish_.Run(context, tile, sums, reinterpret_cast<float*>(sums));
}

}  // namespace signum::runtime
