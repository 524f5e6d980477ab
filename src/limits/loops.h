// The loops of one instruction set, each of which only keeps one kind of unit busy.
#ifndef SIGNUM_LIMITS_LOOPS_H_
#define SIGNUM_LIMITS_LOOPS_H_

#include <cstdint>

namespace signum::limits {

struct Loops {
  // Each does `rounds` rounds and returns something that depends on them.
  uint64_t (*float_rounds)(int64_t rounds);
  uint64_t (*int8_rounds)(int64_t rounds);
  uint64_t (*bit_rounds)(int64_t rounds);
  // Operations of one round.
  double float_ops, int8_ops, bit_ops;
  // Reads `bytes`, a multiple of 1024.
  uint64_t (*read)(const uint8_t* buffer, int64_t bytes);
};

#if defined(__x86_64__)
extern const Loops kAvx2Loops, kAvx512Loops;
extern const Loops kAmxLoops;  // of int8 only
#elif defined(__aarch64__)
extern const Loops kNeonLoops, kDotprodLoops;
#endif

}  // namespace signum::limits

#endif  // SIGNUM_LIMITS_LOOPS_H_
