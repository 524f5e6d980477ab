// DepthwiseStep: a convolution in which every channel has a filter of its own, of codes or
// floats. Kernels read their values in place: in the map, in its ring where that holds the
// padding, and else in one pixel of padding that all taps outside share. Private to
// weighted_steps.cc.
#ifndef SIGNUM_RUNTIME_DEPTHWISE_STEP_H_
#define SIGNUM_RUNTIME_DEPTHWISE_STEP_H_

#include <cstdint>
#include <vector>

#include "kernels/depthwise_f32/depthwise_f32.h"
#include "kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "runtime/aligned_buffer.h"
#include "runtime/finish.h"
#include "runtime/patches.h"
#include "runtime/step.h"

namespace signum::runtime {

// Kernel: DepthwiseU8S8Kernel or DepthwiseF32Kernel.
template <typename Kernel>
class DepthwiseStep : public Step {
 public:
  using Value = typename Kernel::Value;
  using Weight = typename Kernel::Weight;
  using Sum = typename Kernel::Sum;

  // `weights` are {taps, channels}; `init` has one entry per channel.
  DepthwiseStep(const ConvolutionGeometry& geometry, const runtime::Value& input,
                const Kernel* kernel, const std::vector<Weight>& weights, std::vector<Sum> init,
                Value pad, Finish finish);

  int64_t weight_bytes() const { return static_cast<int64_t>(packed_.size()); }
  int64_t scratch_bytes() const override;
  void Run(const RunContext& context) const override;

 private:
  using Tap = kernels::DepthwiseTap<Value>;

  void RunTile(const RunContext& context, const Finish::Tile& tile, std::byte* scratch) const;
  // The taps of a run of pixels that starts at (y, x) of an image, from `channel` on. Where it
  // has two or more, they reach no column outside of the map and its ring.
  void SetTaps(const RunContext& context, int64_t image, int64_t y, int64_t x, int64_t channel,
               Tap* taps) const;

  // A range of positions, the end not included.
  struct Range {
    int64_t begin, end;
    bool Has(int64_t position) const { return position >= begin && position < end; }
  };

  int64_t TapBytes() const;

  ConvolutionGeometry geometry_;
  runtime::Value input_;
  const Kernel* kernel_;
  kernels::DepthwiseWindow window_;
  AlignedBuffer packed_;
  std::vector<Sum> init_;
  std::vector<Value> pad_;  // one pixel of padding
  Finish finish_;
  Range lines_, columns_;  // of the map, and of its ring where that can be read
  Range inside_;           // pixels of a line whose windows reach no other column
  int64_t tile_rows_;      // pixels of a piece, at most
};

extern template class DepthwiseStep<kernels::DepthwiseU8S8Kernel>;
extern template class DepthwiseStep<kernels::DepthwiseF32Kernel>;

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_DEPTHWISE_STEP_H_
