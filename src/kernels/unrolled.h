// Loops that are unrolled before anything else is done with them, so that arrays of vectors
// which are indexed by nothing but their counters become registers.
#ifndef SIGNUM_KERNELS_UNROLLED_H_
#define SIGNUM_KERNELS_UNROLLED_H_

#include <type_traits>
#include <utility>

// Stands behind the parameters of a lambda that must be a part of its caller.
#define SIGNUM_INLINE __attribute__((always_inline))

namespace signum::kernels {

// Calls body(0), body(1), ... with constants, which are std::integral_constant<int, i>.
template <int kCount, typename Body>
SIGNUM_INLINE inline void Unrolled(const Body& body) {
  [&]<int... kIndex>(std::integer_sequence<int, kIndex...>) SIGNUM_INLINE {
    (body(std::integral_constant<int, kIndex>()), ...);
  }
  (std::make_integer_sequence<int, kCount>());
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_UNROLLED_H_
