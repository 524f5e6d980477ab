// max_pool: the largest of several pixels, channel by channel.
//
//   out[i] = max over t of taps[t][i]       f32 and u8
//   out[i] = or over t of taps[t][i]        bits: of signs, 1 being the larger
//
// f32: starts at the first tap, then x = tap > x ? tap : x, so that the first of equals
// stays, and a NaN stays where it is the first tap and is passed over elsewhere. Knows no
// window: its caller leaves out the taps that lie outside of the map.
//
// Overread and overwrite: none.
#ifndef SIGNUM_KERNELS_MAX_POOL_MAX_POOL_H_
#define SIGNUM_KERNELS_MAX_POOL_MAX_POOL_H_

#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "kernels/kernel.h"

namespace signum::kernels {

struct MaxPoolKernel {
  const char* name;
  Isa isa;

  // taps: [tap_count] pixels of `count` elements each, tap_count >= 1, count >= 1; `out`
  // is none of them. Of run_bits an element is a byte.
  void (*run_f32)(const float* const* taps, int64_t tap_count, int64_t count, float* out);
  void (*run_u8)(const uint8_t* const* taps, int64_t tap_count, int64_t count, uint8_t* out);
  void (*run_bits)(const uint8_t* const* taps, int64_t tap_count, int64_t count, uint8_t* out);
};

#define SIGNUM_KERNEL(symbol) extern const MaxPoolKernel symbol;
#include "kernels/max_pool/kernels.inc"
#undef SIGNUM_KERNEL

// Every kernel of this build, best first; the CPU may lack what some need.
std::span<const MaxPoolKernel* const> MaxPoolKernels();

// The best kernel that `allowed` and this CPU admit.
Selection<MaxPoolKernel> SelectMaxPool(Isa allowed);

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_MAX_POOL_MAX_POOL_H_
