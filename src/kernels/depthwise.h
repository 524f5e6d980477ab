// What the depthwise kernels have in common: depthwise_u8s8 and depthwise_f32 differ in what
// they multiply, which their headers say.
//
//   sums[p][c] = init[c] + sum over t of value(t, p)[c] * weights[t][c]
//
// for a run of output pixels p of one line, over maps with channels last: every channel has
// a filter of its own. Tap t of pixel p is the map's pixel at taps[t].first + p *
// taps[t].step. Kernels know no padding: a tap outside of the map is one with step 0 at a
// pixel of padding.
//
// Overread: values as the op says; none of packed weights, init and sums. Overwrite: none.
#ifndef SIGNUM_KERNELS_DEPTHWISE_H_
#define SIGNUM_KERNELS_DEPTHWISE_H_

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"

namespace signum::kernels {

// Packed weights may be split between calls at any multiple of this many channels: those
// from c0 on start packed_bytes(c0, window) bytes into the packed weights.
inline constexpr int64_t kDepthwiseBlock = 64;

// The taps in rows, as the filter has them.
struct DepthwiseWindow {
  int64_t rows = 1, columns = 1;  // >= 1
  // Next to each other in a row are the pixels that are next to each other in the run, as
  // where stride and dilation are equal: in every call of two or more pixels
  // taps[t + 1].first == taps[t].first + taps[t].step within a row.
  bool slides = false;

  int64_t taps() const { return rows * columns; }
};

template <typename Value>
struct DepthwiseTap {
  const Value* first = nullptr;  // of the run's first pixel
  int64_t step = 0;              // elements from pixel to pixel
};

template <typename Value, typename Sum>
struct DepthwiseProblem {
  DepthwiseWindow window;                     // as in pack
  const DepthwiseTap<Value>* taps = nullptr;  // [window.taps()], row by row
  int64_t pixels = 1, channels = 1;           // >= 1
  const std::byte* packed = nullptr;          // from this kernel's pack
  const Sum* init = nullptr;                  // [channels]
  Sum* sums = nullptr;                        // [pixels] rows of [channels]
  int64_t stride = 0;                         // elements from row to row, >= channels
};

template <typename ValueType, typename WeightType, typename SumType>
struct DepthwiseKernel {
  using Value = ValueType;
  using Weight = WeightType;
  using Sum = SumType;

  const char* name;
  Isa isa;

  // Bytes that `pack` writes.
  size_t (*packed_bytes)(int64_t channels, const DepthwiseWindow& window);

  // Packs `weights` [window.taps()][channels]. `packed` is aligned as a Weight is, and read
  // fastest where it starts at a multiple of kPackedAlignment.
  void (*pack)(const Weight* weights, int64_t channels, const DepthwiseWindow& window,
               std::byte* packed);

  void (*run)(const DepthwiseProblem<Value, Sum>& problem);
};

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_DEPTHWISE_H_
