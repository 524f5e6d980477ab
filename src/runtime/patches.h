// Patches: the inputs of a run of output pixels of a convolution, one row each,
// so that a matrix kernel can take them. Never the patches of a whole image.
#ifndef SIGNUM_RUNTIME_PATCHES_H_
#define SIGNUM_RUNTIME_PATCHES_H_

#include <cstdint>

#include "graph/ops.h"

namespace signum::runtime {

// Sizes of a convolution over NHWC maps. A linear layer is one with 1x1 maps.
struct ConvolutionGeometry {
  int64_t in_height = 1, in_width = 1, in_channels = 0;
  int64_t out_height = 1, out_width = 1, out_channels = 0;
  Window window;
  int64_t groups = 1;

  int64_t group_inputs() const { return in_channels / groups; }
  int64_t group_outputs() const { return out_channels / groups; }
  int64_t pixels() const { return out_height * out_width; }
  // Elements of one patch: kernel rows, kernel columns, channels of a group.
  int64_t depth() const { return int64_t{window.kernel[0]} * window.kernel[1] * group_inputs(); }
  // Whether the patch of output pixel p is input pixel p, so that nothing need be gathered.
  bool is_pointwise() const {
    return window.kernel == std::array<int, 2>{1, 1} && window.stride == std::array<int, 2>{1, 1} &&
           window.padding == Padding{};
  }
};

// Writes the patches of output pixels [first, first + count), counted through
// all images of the batch, to rows of `row_elements` each; what a row has beyond
// depth() becomes 0. `input` is the first image's map; taps outside of a map
// read `pad`. T is uint8_t or float.
template <typename T>
void GatherPatches(const ConvolutionGeometry& geometry, const T* input, int64_t group, T pad,
                   int64_t first, int64_t count, int64_t row_elements, T* rows);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_PATCHES_H_
