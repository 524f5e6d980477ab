// output_stage: from accumulators (or floats) to the next value of a feature
// map: scale and bias, residual, PReLU, clamp, quantize. Knows no layer and no scale of
// a tensor: whoever compiles a stage that stores codes has already divided
// multiplier, bias, residual_scale (or float residuals), low, high and shift by
// the output's scale where they need it.
//
// For each row and channel c, in float, each line rounding once for each
// operation (no contraction, bit-identical on every ISA):
//
//   t = float(x) * multiplier[c]          x: int32 accumulator, or float
//   t = t + bias[c]
//   t = t + residual                      where there is one; codes first become
//                                         float(code - residual_zero_point) * residual_scale
//   t = t > 0 ? t : t * slope[c]          where there are slopes: PReLU
//   t = low > t ? low : t                 so NaN stays NaN, and -0 stays -0 at
//   t = high < t ? high : t                 low = 0
//   kFloat: store t
//   kCodes: q = round_half_even(t) + float(zero_point)
//           q = q > 0 ? q : 0             so NaN becomes 0
//           q = q < 2^bits - 1 ? q : 2^bits - 1
//           store uint8(q)
//   kSign:  store t >= shift[c] ? 2 : 0   codes with zero point 1, for +1 and
//                                         -1; NaN gives 0; null shift means 0
//   kBits:  the same as bits, 1 for +1: bit c % 8 of byte c / 8 of the row, whose
//                                         last byte is filled up with 0
//
// These are quant/arithmetic.h's QuantizeValue (at scale 1) and Sign.
//
// Layout: rows of channels, channels last and adjacent; strides in elements, that of
// bits in bytes.
// Overread and overwrite: none; any number of channels. float(x) rounds an int32
// to nearest even. Values beyond int32 clamp as floats, so nothing overflows.
#ifndef SIGNUM_KERNELS_OUTPUT_STAGE_OUTPUT_STAGE_H_
#define SIGNUM_KERNELS_OUTPUT_STAGE_OUTPUT_STAGE_H_

#include <cstdint>
#include <limits>
#include <span>

#include "base/cpu.h"
#include "kernels/kernel.h"

namespace signum::kernels {

enum class ResidualKind { kNone, kCodes, kFloat };
enum class OutputKind { kFloat, kCodes, kSign, kBits };

// What a stage does, fixed when a network is compiled. Owns nothing.
struct OutputStage {
  OutputKind output = OutputKind::kFloat;
  ResidualKind residual = ResidualKind::kNone;
  const float* multiplier = nullptr;  // [channels]
  const float* bias = nullptr;        // [channels]
  float residual_scale = 1.0f;        // kCodes residuals only
  int32_t residual_zero_point = 0;    // kCodes residuals only, 0..255
  const float* slope = nullptr;       // [channels], or null
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  int32_t zero_point = 0;        // kCodes outputs only, 0..255
  int bits = 8;                  // kCodes outputs only, 1..8
  const float* shift = nullptr;  // kSign and kBits only: [channels], or null for 0
};

// The rows that one call works on. Strides count elements from row to row.
struct OutputStageRows {
  int64_t rows = 0;                // >= 0
  int64_t channels = 0;            // >= 1
  const void* residual = nullptr;  // uint8_t or float as the stage says; null for kNone
  int64_t residual_stride = 0;
  void* output = nullptr;  // float for kFloat, else uint8_t
  int64_t output_stride = 0;
};

struct OutputStageKernel {
  const char* name;
  Isa isa;

  // input: [rows][channels], `input_stride` elements from row to row. The output
  // may be the input or the residual itself where element size and stride agree.
  void (*run_int32)(const OutputStage& stage, const OutputStageRows& rows, const int32_t* input,
                    int64_t input_stride);
  void (*run_float)(const OutputStage& stage, const OutputStageRows& rows, const float* input,
                    int64_t input_stride);
};

#define SIGNUM_KERNEL(symbol) extern const OutputStageKernel symbol;
#include "kernels/output_stage/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const OutputStageKernel* const> OutputStageKernels();

// The best kernel that `allowed` and this CPU admit.
Selection<OutputStageKernel> SelectOutputStage(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_OUTPUT_STAGE_OUTPUT_STAGE_H_
