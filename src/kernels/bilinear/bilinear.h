// bilinear: lines of pixels blended from the two lines of a map that lie above and below them.
//
//   over[i]  = above[left + i] * left_weight + above[right + i] * right_weight
//   under[i] = below[left + i] * left_weight + below[right + i] * right_weight
//   out[line][column][i] = over[i] * above_weight + under[i] * below_weight
//
// for channels i, where left, right and their weights are a column's, the other weights a
// line's. A code stands for float(code - zero_point) * scale. Every product and every sum is
// rounded, none is contracted, so that all kernels give the same bits (but those of a NaN).
// Knows no scale and no border: its caller says where each column lies.
//
// Layout: channels last and adjacent; columns of a line follow each other.
// Overread and overwrite: none; any number of channels.
#ifndef SIGNUM_KERNELS_BILINEAR_BILINEAR_H_
#define SIGNUM_KERNELS_BILINEAR_BILINEAR_H_

#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "kernels/kernel.h"

namespace signum::kernels {

// Columns between the same two pixels are fastest next to each other.
struct BilinearColumn {
  int64_t left = 0, right = 0;  // elements from the line's start to the pixels' first ones
  float left_weight = 1.0f, right_weight = 0.0f;
};

struct BilinearLine {
  float above_weight = 1.0f, below_weight = 0.0f;
};

struct BilinearProblem {
  int64_t channels = 0;  // >= 1
  const BilinearColumn* columns = nullptr;
  int64_t column_count = 0;  // >= 0
  const BilinearLine* lines = nullptr;
  int64_t line_count = 0;     // >= 0
  int32_t zero_point = 0;     // of codes, 0 to 255
  float scale = 1.0f;         // of codes
  float* output = nullptr;    // no part of the input
  int64_t output_stride = 0;  // floats from line to line
};

struct BilinearKernel {
  const char* name;
  Isa isa;

  // above, below: lines of floats or codes, which may be the same one.
  void (*run_f32)(const BilinearProblem& problem, const float* above, const float* below);
  void (*run_u8)(const BilinearProblem& problem, const uint8_t* above, const uint8_t* below);
};

#define SIGNUM_KERNEL(symbol) extern const BilinearKernel symbol;
#include "kernels/bilinear/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const BilinearKernel* const> BilinearKernels();

// The best kernel that `allowed` and this CPU admit.
Selection<BilinearKernel> SelectBilinear(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_BILINEAR_BILINEAR_H_
