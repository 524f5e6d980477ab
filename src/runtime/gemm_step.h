// GemmStep: a convolution or linear layer of floats as matrix products over tiles of
// patches. Integers are integer_step.h's. Private to weighted_steps.cc.
#ifndef SIGNUM_RUNTIME_GEMM_STEP_H_
#define SIGNUM_RUNTIME_GEMM_STEP_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/gemm_f32/gemm_f32.h"
#include "runtime/aligned_buffer.h"
#include "runtime/finish.h"
#include "runtime/patches.h"
#include "runtime/step.h"

namespace signum::runtime {

// How the rows (output pixels) and columns (output channels of a group) of one
// run are cut into the pieces that threads take.
struct Tiling {
  int64_t rows = 1;     // of a piece, at most the planned tile
  int64_t columns = 1;  // a multiple of kColumnMultiple, or all
};

// Pieces large enough to be worth waking a thread for, and three or more a
// thread where there is work for them.
inline Tiling ChooseTiling(int64_t rows, int64_t columns, int64_t depth, int64_t largest_rows,
                           int threads) {
  Tiling tiling{std::min(rows, largest_rows), columns};
  if (threads == 1) return tiling;
  constexpr int64_t kLeastMacs = 1 << 18;
  const int64_t least_rows = kLeastMacs / (columns * depth) + 1;
  const int64_t fair_rows = (rows + threads * 3 - 1) / (threads * 3);
  tiling.rows = std::min(tiling.rows, std::max(least_rows, (fair_rows + 7) / 8 * 8));
  const int64_t pieces = (rows + tiling.rows - 1) / tiling.rows;
  if (pieces < threads) {
    const int64_t splits = (threads + pieces - 1) / pieces;
    const int64_t least_columns = kLeastMacs / (tiling.rows * depth) + 1;
    const int64_t wanted = std::max(least_columns, (columns + splits - 1) / splits);
    tiling.columns = std::min(columns, (wanted + kernels::kColumnMultiple - 1) /
                                           kernels::kColumnMultiple * kernels::kColumnMultiple);
  }
  return tiling;
}

class GemmStep : public Step {
 public:
  // `weights` are {group outputs, depth} for each group, in the order of patches.
  GemmStep(const ConvolutionGeometry& geometry, const Value& input,
           const kernels::GemmF32Kernel* kernel, const std::vector<float>& weights, float pad,
           Finish finish)
      : geometry_(geometry), input_(input), kernel_(kernel), pad_(pad), finish_(std::move(finish)) {
    const int64_t n = geometry.group_outputs();
    const int64_t k = geometry.depth();
    group_bytes_ = AlignUp(static_cast<int64_t>(kernel_->packed_bytes(n, k)));
    packed_ = AlignedBuffer(static_cast<size_t>(group_bytes_ * geometry.groups));
    for (int64_t group = 0; group < geometry.groups; ++group) {
      kernel_->pack(weights.data() + group * n * k, n, k, Packed(group, 0));
    }
    // Patches of one pixel are used in place.
    in_place_ = geometry.is_pointwise();
    // A tile of patches and sums stays in the second-level cache.
    constexpr int64_t kTileBytes = 160 << 10;
    const int64_t row_bytes = (k + n) * int64_t{sizeof(float)};
    tile_rows_ = std::clamp<int64_t>(kTileBytes / row_bytes / 24 * 24, 24, 768);
  }

  int64_t weight_bytes() const { return static_cast<int64_t>(packed_.size()); }

  int64_t scratch_bytes() const override {
    return PatchBytes() + AlignUp(tile_rows_ * geometry_.group_outputs() * int64_t{sizeof(float)});
  }

  void Run(const RunContext& context) const override {
    const int64_t rows = context.batch * geometry_.pixels();
    const int64_t columns = geometry_.group_outputs();
    const Tiling tiling =
        ChooseTiling(rows, columns, geometry_.depth(), tile_rows_, context.pool->threads());
    const int64_t row_pieces = (rows + tiling.rows - 1) / tiling.rows;
    const int64_t column_pieces = (columns + tiling.columns - 1) / tiling.columns;
    const int64_t pieces = row_pieces * column_pieces;
    context.pool->ParallelFor(pieces * geometry_.groups, [&](int64_t index, int thread) {
      const int64_t group = index / pieces;
      const int64_t row = index % pieces / column_pieces * tiling.rows;
      const int64_t column = index % column_pieces * tiling.columns;
      Finish::Tile tile;
      tile.rows = RowBlock::Flat(row, std::min(tiling.rows, rows - row), geometry_.out_channels);
      tile.first_channel = group * columns + column;
      tile.channels = std::min(tiling.columns, columns - column);
      tile.stride = tile.channels;
      RunTile(context, group, column, tile, context.Scratch(thread));
    });
  }

 private:
  float* Packed(int64_t group, int64_t column) const {
    const int64_t bytes =
        column == 0 ? 0 : static_cast<int64_t>(kernel_->packed_bytes(column, geometry_.depth()));
    return reinterpret_cast<float*>(packed_.data() + group * group_bytes_ + bytes);
  }

  int64_t PatchBytes() const {
    if (in_place_) return 0;
    return AlignUp(tile_rows_ * geometry_.depth() * int64_t{sizeof(float)});
  }

  void RunTile(const RunContext& context, int64_t group, int64_t column, const Finish::Tile& tile,
               std::byte* scratch) const {
    const float* input = context.At<const float>(input_);
    const int64_t k = geometry_.depth();
    const float* a;
    int64_t lda;
    if (in_place_) {
      a = input + tile.rows.image * geometry_.in_channels + group * geometry_.group_inputs();
      lda = geometry_.in_channels;
    } else {
      auto* patches = reinterpret_cast<float*>(scratch);
      GatherPatches<float>(geometry_, input, group, pad_, tile.rows.image, tile.rows.pixels, k,
                           patches);
      a = patches;
      lda = k;
    }
    auto* sums = reinterpret_cast<float*>(scratch + PatchBytes());
    kernel_->run(tile.rows.pixels, tile.channels, k, a, lda, Packed(group, column), sums,
                 tile.stride);
    finish_.Run(context, tile, sums, sums);
  }

  ConvolutionGeometry geometry_;
  Value input_;
  const kernels::GemmF32Kernel* kernel_;
  float pad_;
  Finish finish_;
  int64_t group_bytes_ = 0;
  AlignedBuffer packed_;
  bool in_place_ = false;
  int64_t tile_rows_ = 1;
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_GEMM_STEP_H_
