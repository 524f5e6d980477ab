// IntegerStep: a quantized convolution or linear layer, tile by tile. Where the map has
// the ring that the window needs, kernels read their rows in place; else patches of a
// tile are gathered first. Private to weighted_steps.cc. The kernels of gemm_u8s8,
// gemm_u8w1 and gemm_b1w1 have the same form, and Kernel is one of them.
#ifndef SIGNUM_RUNTIME_INTEGER_STEP_H_
#define SIGNUM_RUNTIME_INTEGER_STEP_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"
#include "kernels/kernel.h"
#include "kernels/tile_rows.h"
#include "runtime/aligned_buffer.h"
#include "runtime/finish.h"
#include "runtime/patches.h"
#include "runtime/step.h"

namespace signum::runtime {

// Where the rows of a convolution lie.
struct RowsPlan {
  bool in_place = false;
  kernels::Depth depth;
  std::vector<int64_t> offsets;  // [segments]
};

// In place where `input` has the ring that the window needs, holding `pad` (bits take any).
RowsPlan PlanRows(const ConvolutionGeometry& geometry, const Value& input, int pad);

// What bits in a ring, which count as -1, must be given to count as `pad_code` instead:
// for every kind of border that a window can hang over, [output channels] numbers.
class BorderTerms {
 public:
  BorderTerms() = default;
  // codes: {out, in / groups, taps}, each -1 or +1.
  BorderTerms(const ConvolutionGeometry& geometry, std::span<const int8_t> codes, int pad_code);

  // Adds to the sums of the block, channels [first, first + count), rows `stride` ints
  // apart.
  void Add(const RowBlock& block, int64_t first, int64_t count, int32_t* sums,
           int64_t stride) const;
  int64_t bytes() const { return static_cast<int64_t>(terms_.size() * sizeof(int32_t)); }

 private:
  int64_t channels_ = 0;
  std::vector<int> line_kinds_, pixel_kinds_;  // 0: the window is inside
  int64_t pixel_kind_count_ = 0;
  std::vector<int32_t> terms_;  // [line kind][pixel kind][channel]
};

// How one run is cut into the pieces that threads take: lines of an image, or a run of
// pixels of one; where maps have one pixel, the images are such a line.
struct IntegerTiling {
  int64_t lines = 1;    // of a piece; more than one only where they are whole
  int64_t pixels = 1;   // of a line
  int64_t columns = 1;  // a multiple of kColumnMultiple, or all
};
// A piece has at most `most_rows` pixels.
IntegerTiling ChooseIntegerTiling(const ConvolutionGeometry& geometry, int64_t batch,
                                  int64_t most_rows, int threads);

template <typename Kernel>
class IntegerStep : public Step {
 public:
  // `codes` are {out channels, segments, bytes} as `rows` has them; `init` has one entry
  // per output channel.
  IntegerStep(const ConvolutionGeometry& geometry, const Value& input, RowsPlan rows,
              const Kernel* kernel, const std::vector<int8_t>& codes, std::vector<int32_t> init,
              BorderTerms border, int pad, Finish finish)
      : geometry_(geometry),
        input_(input),
        rows_(std::move(rows)),
        kernel_(kernel),
        init_(std::move(init)),
        border_(std::move(border)),
        pad_(static_cast<uint8_t>(pad)),
        finish_(std::move(finish)) {
    SIGNUM_CHECK(rows_.in_place || input.is_dense());
    const int64_t n = geometry.group_outputs();
    group_bytes_ = AlignUp(static_cast<int64_t>(kernel->packed_bytes(n, rows_.depth)));
    packed_ = AlignedBuffer(static_cast<size_t>(group_bytes_ * geometry.groups));
    for (int64_t group = 0; group < geometry.groups; ++group) {
      kernel->pack(codes.data() + group * n * rows_.depth.total(), n, rows_.depth,
                   Packed(group, 0));
    }
    // The sums of a tile stay in the first-level cache, patches in the second.
    constexpr int64_t kSumBytes = 24 << 10;
    constexpr int64_t kPatchBytes = 128 << 10;
    const int64_t row_bytes = std::min(n, kTileColumns) * int64_t{sizeof(int32_t)};
    tile_rows_ = kSumBytes / row_bytes;
    if (!rows_.in_place) {
      tile_rows_ = std::clamp<int64_t>(kPatchBytes / geometry.depth(), 8, tile_rows_);
    }
  }

  int64_t weight_bytes() const { return static_cast<int64_t>(packed_.size()) + border_.bytes(); }

  int64_t scratch_bytes() const override {
    const int64_t patch_bytes = rows_.in_place ? 0 : tile_rows_ * geometry_.depth();
    return SumBytes() + AlignUp(patch_bytes + kernels::kOverread);
  }

  void Run(const RunContext& context) const override {
    const bool across = geometry_.pixels() == 1;
    const int64_t height = across ? 1 : geometry_.out_height;
    const int64_t width = across ? context.batch : geometry_.out_width;
    const int64_t images = across ? 1 : context.batch;
    const IntegerTiling tiling =
        ChooseIntegerTiling(geometry_, context.batch, tile_rows_, context.pool->threads());
    const int64_t columns = geometry_.group_outputs();
    const int64_t line_pieces = (height + tiling.lines - 1) / tiling.lines;
    const int64_t runs = (width + tiling.pixels - 1) / tiling.pixels;
    const int64_t column_pieces = (columns + tiling.columns - 1) / tiling.columns;
    const int64_t pieces = line_pieces * runs * column_pieces;
    context.pool->ParallelFor(pieces * geometry_.groups * images, [&](int64_t index, int thread) {
      const int64_t image = index / (pieces * geometry_.groups);
      const int64_t group = index / pieces % geometry_.groups;
      const int64_t column = index % column_pieces * tiling.columns;
      const int64_t pixel = index % pieces / column_pieces % runs * tiling.pixels;
      const int64_t pixels = std::min(tiling.pixels, width - pixel);
      const int64_t line = index % pieces / column_pieces / runs * tiling.lines;
      Finish::Tile tile;
      if (across) {
        tile.rows = RowBlock::Images(pixel, pixels);
      } else {
        tile.rows = RowBlock::Lines(image, line, std::min(tiling.lines, height - line), pixels);
        tile.rows.pixel = pixel;
      }
      tile.first_channel = group * columns + column;
      tile.channels = std::min(tiling.columns, columns - column);
      RunTile(context, group, column, tile, context.Scratch(thread));
    });
  }

 private:
  // Columns whose sums are made at a time.
  static constexpr int64_t kTileColumns = 64;

  int64_t SumBytes() const {
    const int64_t columns = std::min(geometry_.group_outputs(), kTileColumns);
    return AlignUp(tile_rows_ * columns * int64_t{sizeof(int32_t)});
  }

  uint8_t* Packed(int64_t group, int64_t column) const {
    const size_t bytes = column == 0 ? 0 : kernel_->packed_bytes(column, rows_.depth);
    return packed_.template as<uint8_t>() + group * group_bytes_ + bytes;
  }

  // The rows of a tile in the map itself.
  kernels::TileRows InPlace(const RunContext& context, int64_t group, const RowBlock& block) const {
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

  kernels::TileRows Gathered(const RunContext& context, int64_t group, const RowBlock& block,
                             uint8_t* patches) const {
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

  void RunTile(const RunContext& context, int64_t group, int64_t column, const Finish::Tile& tile,
               std::byte* scratch) const {
    const RowBlock& block = tile.rows;
    auto* sums = reinterpret_cast<int32_t*>(scratch);
    auto* patches = reinterpret_cast<uint8_t*>(scratch + SumBytes());
    const kernels::TileRows rows =
        rows_.in_place ? InPlace(context, group, block) : Gathered(context, group, block, patches);
    for (int64_t done = 0; done < tile.channels; done += kTileColumns) {
      Finish::Tile part = tile;
      part.first_channel += done;
      part.channels = part.stride = std::min(kTileColumns, tile.channels - done);
      kernel_->run(rows, part.channels, rows_.depth, Packed(group, column + done),
                   init_.data() + part.first_channel, sums, part.stride);
      if (border_.bytes() > 0) {
        border_.Add(part.rows, part.first_channel, part.channels, sums, part.stride);
      }
      finish_.Run(context, part, sums, reinterpret_cast<float*>(sums));
    }
  }

  ConvolutionGeometry geometry_;
  Value input_;
  RowsPlan rows_;
  const Kernel* kernel_;
  std::vector<int32_t> init_;
  BorderTerms border_;
  uint8_t pad_;
  Finish finish_;
  int64_t group_bytes_ = 0;
  AlignedBuffer packed_;
  int64_t tile_rows_ = 1;
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_INTEGER_STEP_H_
