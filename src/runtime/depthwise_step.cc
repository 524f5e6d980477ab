#include "runtime/depthwise_step.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/check.h"
#include "runtime/pieces.h"

namespace signum::runtime {
namespace {

// Channels whose sums are made at a time.
constexpr int64_t kTileChannels = kernels::kDepthwiseBlock;

}  // namespace

template <typename Kernel>
DepthwiseStep<Kernel>::DepthwiseStep(const ConvolutionGeometry& geometry,
                                     const runtime::Value& input, const Kernel* kernel,
                                     const std::vector<Weight>& weights, std::vector<Sum> init,
                                     Value pad, Finish finish)
    : geometry_(geometry),
      input_(input),
      kernel_(kernel),
      init_(std::move(init)),
      pad_(static_cast<size_t>(geometry.in_channels + kernels::kOverread), pad),
      finish_(std::move(finish)) {
  SIGNUM_CHECK(!input.bits);
  const Window& w = geometry.window;
  window_ = {.rows = w.kernel[0], .columns = w.kernel[1], .slides = w.stride[1] == w.dilation[1]};
  packed_ = AlignedBuffer(kernel->packed_bytes(geometry.in_channels, window_));
  kernel->pack(weights.data(), geometry.in_channels, window_, packed_.data());

  const bool padded = input.encoding.codes && static_cast<Value>(input.ring_code) == pad;
  const Padding ring = padded ? input.ring : Padding{};
  lines_ = {-ring.top, geometry.in_height + ring.bottom};
  columns_ = {-ring.left, geometry.in_width + ring.right};
  const auto reaches_inside = [&](int64_t pixel) {
    const int64_t first = pixel * w.stride[1] - w.padding.left;
    return columns_.Has(first) && columns_.Has(first + w.dilation[1] * (w.kernel[1] - int64_t{1}));
  };
  inside_ = {0, geometry.out_width};
  while (inside_.begin < inside_.end && !reaches_inside(inside_.begin)) ++inside_.begin;
  while (inside_.begin < inside_.end && !reaches_inside(inside_.end - 1)) --inside_.end;

  // The sums of a tile stay in the first-level cache.
  constexpr int64_t kSumBytes = 24 << 10;
  const int64_t channels = std::min(geometry.in_channels, kTileChannels);
  tile_rows_ = kSumBytes / (channels * int64_t{sizeof(Sum)});
}

template <typename Kernel>
int64_t DepthwiseStep<Kernel>::TapBytes() const {
  return AlignUp(window_.taps() * int64_t{sizeof(Tap)});
}

template <typename Kernel>
int64_t DepthwiseStep<Kernel>::scratch_bytes() const {
  const int64_t channels = std::min(geometry_.in_channels, kTileChannels);
  return TapBytes() + AlignUp(tile_rows_ * channels * int64_t{sizeof(Sum)});
}

template <typename Kernel>
void DepthwiseStep<Kernel>::Run(const RunContext& context) const {
  const ConvolutionGeometry& g = geometry_;
  const Pieces pieces({.images = context.batch,
                       .lines = g.out_height,
                       .pixels = g.out_width,
                       .columns = g.in_channels,
                       .depth = window_.taps(),
                       .most_rows = tile_rows_,
                       .column_multiple = kTileChannels},
                      context.pool->threads());
  context.pool->ParallelFor(pieces.count(), [&](int64_t index, int thread) {
    const Piece piece = pieces.at(index);
    Finish::Tile tile;
    tile.rows = RowBlock::Lines(piece.image, piece.line, piece.lines, piece.pixels);
    tile.rows.pixel = piece.pixel;
    tile.first_channel = piece.column;
    tile.channels = piece.columns;
    RunTile(context, tile, context.Scratch(thread));
  });
}

template <typename Kernel>
void DepthwiseStep<Kernel>::RunTile(const RunContext& context, const Finish::Tile& tile,
                                    std::byte* scratch) const {
  const RowBlock& block = tile.rows;
  const int64_t end = block.pixel + block.pixels;
  auto* const taps = new (scratch) Tap[static_cast<size_t>(window_.taps())];
  auto* const sums = reinterpret_cast<Sum*>(scratch + TapBytes());
  kernels::DepthwiseProblem<Value, Sum> problem;
  problem.window = window_;
  problem.taps = taps;
  for (int64_t done = 0; done < tile.channels; done += kTileChannels) {
    Finish::Tile part = tile;
    const int64_t channel = part.first_channel += done;
    problem.channels = part.channels = std::min(kTileChannels, tile.channels - done);
    problem.stride = part.stride = part.channels;
    problem.packed = packed_.data() + (channel == 0 ? 0 : kernel_->packed_bytes(channel, window_));
    problem.init = init_.data() + channel;
    problem.sums = sums;
    for (int64_t y = block.line; y < block.line + block.lines; ++y) {
      for (int64_t x = block.pixel; x < end; x += problem.pixels) {
        problem.pixels = inside_.Has(x) ? std::min(end, inside_.end) - x : 1;
        SetTaps(context, block.image, y, x, channel, taps);
        kernel_->run(problem);
        problem.sums += problem.pixels * problem.stride;
      }
    }
    finish_.Run(context, part, sums, reinterpret_cast<float*>(sums));
  }
}

template <typename Kernel>
void DepthwiseStep<Kernel>::SetTaps(const RunContext& context, int64_t image, int64_t y, int64_t x,
                                    int64_t channel, Tap* taps) const {
  const Window& w = geometry_.window;
  const int64_t y0 = y * w.stride[0] - w.padding.top;
  const int64_t x0 = x * w.stride[1] - w.padding.left;
  const int64_t step = w.stride[1] * geometry_.in_channels;
  const auto* const map = context.At<const std::byte>(input_);
  for (int64_t ky = 0; ky < window_.rows; ++ky) {
    const int64_t in_y = y0 + ky * w.dilation[0];
    const bool on_line = lines_.Has(in_y);
    int64_t offset = input_.offset(image, in_y, x0);
    for (int64_t kx = 0; kx < window_.columns; ++kx, ++taps) {
      if (on_line && columns_.Has(x0 + kx * w.dilation[1])) {
        *taps = {reinterpret_cast<const Value*>(map + offset) + channel, step};
      } else {
        *taps = {pad_.data() + channel, 0};
      }
      offset += w.dilation[1] * input_.pixel_bytes();
    }
  }
}

template class DepthwiseStep<kernels::DepthwiseU8S8Kernel>;
template class DepthwiseStep<kernels::DepthwiseF32Kernel>;

}  // namespace signum::runtime
