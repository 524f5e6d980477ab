// IntegerStep: a quantized convolution or linear layer, tile by tile. Where the map has
// the ring that the window needs, kernels read their rows in place; else patches of a
// tile are gathered first. Private to weighted_steps.cc; tactics.cc asks
// where rows lie.
#ifndef SIGNUM_RUNTIME_INTEGER_STEP_H_
#define SIGNUM_RUNTIME_INTEGER_STEP_H_

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/integer_gemm.h"
#include "runtime/aligned_buffer.h"
#include "runtime/finish.h"
#include "runtime/patches.h"
#include "runtime/pieces.h"
#include "runtime/step.h"
#include "runtime/tactics.h"

namespace signum::runtime {

// Where the rows of a convolution lie.
struct RowsPlan {
  bool in_place = false;
  kernels::Depth depth;
  std::vector<int64_t> offsets;  // [planes][segments]
};

// Whether `input` has the ring that the window needs, holding `pad` (1-bit codes as bits take
// any): then rows are in place, which planes of bits must be.
bool RingCovers(const ConvolutionGeometry& geometry, const Value& input, int pad);
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
  std::vector<int64_t> border_pixels_;         // those of another kind, rising
  int64_t pixel_kind_count_ = 0;
  std::vector<int32_t> terms_;  // [line kind][pixel kind][channel]
};

class IntegerStep : public Step {
 public:
  // `weights` are {out channels, segments, bytes} as `rows` has them, in the terms of the
  // kernel; `init` has one entry per output channel.
  IntegerStep(const ConvolutionGeometry& geometry, const Value& input, RowsPlan rows,
              const Tactic& tactic, const std::vector<int8_t>& weights, std::vector<int32_t> init,
              BorderTerms border, int pad, Finish finish);

  int64_t weight_bytes() const { return static_cast<int64_t>(packed_.size()) + border_.bytes(); }
  int64_t scratch_bytes() const override;
  void Run(const RunContext& context) const override;

 private:
  using Product = decltype(kernels::IntegerGemmKernel::run);

  // Makes tiles such that expanded weights have room beside their sums.
  void FitExpanded();

  int64_t SumBytes() const;
  int64_t PatchBytes() const;
  uint8_t* Packed(int64_t group, int64_t column) const;
  // The rows of a tile in the map itself, and as gathered patches.
  kernels::TileRows InPlace(const RunContext& context, int64_t group, const RowBlock& block) const;
  kernels::TileRows Gathered(const RunContext& context, int64_t group, const RowBlock& block,
                             uint8_t* patches) const;
  // The outputs of a piece, and the rows that they are made from.
  Finish::Tile TileOf(const Piece& piece) const;
  kernels::TileRows RowsOf(const RunContext& context, const Piece& piece, std::byte* scratch) const;
  // All columns of one piece.
  void RunPiece(const RunContext& context, const Piece& piece, std::byte* scratch) const;
  // All columns of pieces [begin, end), from weights that are expanded once for those of a
  // group.
  void RunExpanded(const RunContext& context, const Pieces& pieces, int64_t begin, int64_t end,
                   std::byte* scratch) const;
  // The product of some of a tile's channels, and all that follows.
  void RunColumns(const RunContext& context, Product product, const uint8_t* packed,
                  const kernels::TileRows& rows, Finish::Tile tile, std::byte* scratch) const;

  ConvolutionGeometry geometry_;
  Value input_;
  RowsPlan rows_;
  const kernels::IntegerGemmKernel* kernel_;
  std::vector<int32_t> init_;
  BorderTerms border_;
  uint8_t pad_;
  Finish finish_;
  int64_t group_bytes_ = 0;
  AlignedBuffer packed_;
  TileSize tile_;  // what the layer has of it
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_INTEGER_STEP_H_
