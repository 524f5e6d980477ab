// code_planes: codes of few bits as bit planes, which gemm_b1w1 multiplies.
//
//   bit c % 8 of byte c / 8 of row r of plane p = bit (bits - 1 - p) of codes[r][c]
//
// The plane of the highest bits comes first; the last byte of a row is filled up with 0. Bits
// of a code above its lowest `bits` are ignored.
//
// Layout: rows of channels, channels last and adjacent; strides in bytes.
// Overread and overwrite: none; any number of channels.
#ifndef SIGNUM_KERNELS_CODE_PLANES_CODE_PLANES_H_
#define SIGNUM_KERNELS_CODE_PLANES_CODE_PLANES_H_

#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "kernels/kernel.h"

namespace signum::kernels {

struct CodePlanesProblem {
  int64_t rows = 0;      // >= 0
  int64_t channels = 0;  // >= 1
  int bits = 1;          // planes, 1 to 8
  const uint8_t* codes = nullptr;
  int64_t codes_stride = 0;
  uint8_t* output = nullptr;  // the first row of the first plane
  int64_t output_stride = 0;  // from row to row
  int64_t plane_stride = 0;
};

struct CodePlanesKernel {
  const char* name;
  Isa isa;
  void (*run)(const CodePlanesProblem& problem);
};

#define SIGNUM_KERNEL(symbol) extern const CodePlanesKernel symbol;
#include "kernels/code_planes/kernels.inc"
#undef SIGNUM_KERNEL

// What the kernels leave of every row behind its first `done` channels, a multiple of 8: done
// by the reference.
void FinishCodePlanes(const CodePlanesProblem& problem, int64_t done);

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const CodePlanesKernel* const> CodePlanesKernels();

// The best kernel that `allowed` and this CPU admit.
Selection<CodePlanesKernel> SelectCodePlanes(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_CODE_PLANES_CODE_PLANES_H_
