// code_signs: 1-bit values from the codes of wider ones, by a threshold for each channel.
//
//   plus = codes[r][c] >= least[c] and possible[c] != 0
//   to_bits:  bit c % 8 of byte c / 8 of the row, 1 for plus; its last byte is filled up
//             with 0
//   to_codes: 2 for plus, else 0: codes with zero point 1, for +1 and -1
//
// So a quantizer of a quantized value needs no floats: whoever compiles it has asked it for
// every code. A channel that no code makes plus is not `possible`.
//
// Layout: rows of channels, channels last and adjacent; strides in bytes.
// Overread and overwrite: none; any number of channels.
#ifndef SIGNUM_KERNELS_CODE_SIGNS_CODE_SIGNS_H_
#define SIGNUM_KERNELS_CODE_SIGNS_CODE_SIGNS_H_

#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "kernels/kernel.h"

namespace signum::kernels {

struct CodeSignsProblem {
  int64_t rows = 0;                   // >= 0
  int64_t channels = 0;               // >= 1
  const uint8_t* least = nullptr;     // [channels]
  const uint8_t* possible = nullptr;  // [channels], 0 or 255
  const uint8_t* codes = nullptr;
  int64_t codes_stride = 0;
  uint8_t* output = nullptr;
  int64_t output_stride = 0;
};

struct CodeSignsKernel {
  const char* name;
  Isa isa;
  void (*to_bits)(const CodeSignsProblem& problem);
  void (*to_codes)(const CodeSignsProblem& problem);
};

#define SIGNUM_KERNEL(symbol) extern const CodeSignsKernel symbol;
#include "kernels/code_signs/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const CodeSignsKernel* const> CodeSignsKernels();

// The best kernel that `allowed` and this CPU admit.
Selection<CodeSignsKernel> SelectCodeSigns(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_CODE_SIGNS_CODE_SIGNS_H_
