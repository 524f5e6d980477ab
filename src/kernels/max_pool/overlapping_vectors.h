// A vector of elements at a time through all taps. The last vector overlaps the one before;
// fewer elements than one go one by one. For files of one ISA only: Of must be a type of an
// anonymous namespace, so that what is instantiated here stays in the file it was compiled
// for. It has
//
//   using Element = ...;
//   static constexpr int64_t kLanes;
//   Load, Store, and Join(tap, x) for vectors and for single elements
#ifndef SIGNUM_KERNELS_MAX_POOL_OVERLAPPING_VECTORS_H_
#define SIGNUM_KERNELS_MAX_POOL_OVERLAPPING_VECTORS_H_

#include <cstdint>

namespace signum::kernels {

template <typename Of>
void RunVectors(const typename Of::Element* const* taps, int64_t tap_count, int64_t count,
                typename Of::Element* out) {
  const auto vector = [&](int64_t i) {
    auto x = Of::Load(taps[0] + i);
    for (int64_t t = 1; t < tap_count; ++t) x = Of::Join(Of::Load(taps[t] + i), x);
    Of::Store(out + i, x);
  };
  if (count >= Of::kLanes) {
    for (int64_t i = 0; i + Of::kLanes <= count; i += Of::kLanes) vector(i);
    if (count % Of::kLanes != 0) vector(count - Of::kLanes);
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    auto x = taps[0][i];
    for (int64_t t = 1; t < tap_count; ++t) x = Of::Join(taps[t][i], x);
    out[i] = x;
  }
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_MAX_POOL_OVERLAPPING_VECTORS_H_
