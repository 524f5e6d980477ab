// Counts every allocation of the test program that links this: a cap that also
// holds under AddressSanitizer, with which RLIMIT_AS does not go together.
#ifndef SIGNUM_FORMAT_TEST_ALLOCATIONS_H_
#define SIGNUM_FORMAT_TEST_ALLOCATIONS_H_

#include <cstddef>

namespace signum::format {

// Starts a measurement: the peak is what is allocated now.
void ResetPeak();

// The most bytes that were allocated at once since ResetPeak, beyond those
// allocated then.
size_t PeakBytes();

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_TEST_ALLOCATIONS_H_
