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
#include "runtime/pieces.h"
#include "runtime/step.h"

namespace signum::runtime {

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
    const Pieces pieces({.pixels = rows,
                         .groups = geometry_.groups,
                         .columns = columns,
                         .depth = geometry_.depth(),
                         .most_rows = tile_rows_,
                         .row_multiple = 8,
                         .column_multiple = kernels::kColumnMultiple},
                        context.pool->threads());
    context.pool->ParallelFor(pieces.count(), [&](int64_t index, int thread) {
      const Piece piece = pieces.at(index);
      Finish::Tile tile;
      tile.rows = RowBlock::Flat(piece.pixel, piece.pixels, geometry_.out_channels);
      tile.first_channel = piece.group * columns + piece.column;
      tile.channels = tile.stride = piece.columns;
      RunTile(context, piece.group, piece.column, tile, context.Scratch(thread));
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
