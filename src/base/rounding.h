// Integers rounded to multiples. Not for the files of an instruction set: what those inline
// must be their own, or the linker may keep their copy for every machine.
#ifndef SIGNUM_BASE_ROUNDING_H_
#define SIGNUM_BASE_ROUNDING_H_

#include <cstdint>

namespace signum::base {

// value / divisor, rounded up; value >= 0, divisor > 0.
constexpr int64_t DivideUp(int64_t value, int64_t divisor) {
  return (value + divisor - 1) / divisor;
}

// The least multiple of `multiple` that is not below value; value >= 0, multiple > 0.
constexpr int64_t RoundUp(int64_t value, int64_t multiple) {
  return DivideUp(value, multiple) * multiple;
}

}  // namespace signum::base

#endif  // SIGNUM_BASE_ROUNDING_H_
