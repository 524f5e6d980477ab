// What this machine can do at most: the roofline that `signum bench` holds layers against
// (Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model",
// 2009). Measured on one thread with nothing but the instructions that kernels live on.
// Knows no kernel and no network.
#ifndef SIGNUM_LIMITS_LIMITS_H_
#define SIGNUM_LIMITS_LIMITS_H_

#include <cstdint>
#include <vector>

#include "base/cpu.h"

namespace signum::limits {

// Bytes of a buffer that is read again and again, and how fast that goes.
struct Bandwidth {
  int64_t buffer_bytes = 0;
  double bytes_per_second = 0;
};

// Operations in a second; a multiply-accumulate is two. 0 where `isa` has no loop for it.
struct Limits {
  double float_ops = 0;          // fused multiply-adds
  double int8_ops = 0;           // products of u8 and s8, summed to int32
  double bit_ops = 0;            // XOR, popcount and add; a bit is one multiply-accumulate
  std::vector<Bandwidth> reads;  // from small buffers to large ones
};

// Takes about `seconds` for each figure and keeps the best of several tries, so that what
// else the machine does counts little.
Limits MeasureLimits(Isa isa, double seconds = 0.05);

// The least time in which one thread can do `ops` of which it can do `ops_per_second`
// while it reads `bytes` from the smallest buffer measured that holds them.
double RooflineSeconds(const Limits& limits, double ops, double ops_per_second, int64_t bytes);

}  // namespace signum::limits

#endif  // SIGNUM_LIMITS_LIMITS_H_
