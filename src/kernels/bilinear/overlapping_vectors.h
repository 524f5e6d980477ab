// A pixel as vectors of which the last overlaps the one before; where it is less than a
// vector, narrower ones do the same. For files of one ISA only, as columns.h.
#ifndef SIGNUM_KERNELS_BILINEAR_OVERLAPPING_VECTORS_H_
#define SIGNUM_KERNELS_BILINEAR_OVERLAPPING_VECTORS_H_

#include <cstdint>

namespace signum::kernels {
namespace {

struct OneLane {
  static constexpr int64_t kLanes = 1;
  static float Load(const float* p, int32_t, float) { return *p; }
  static float Load(const uint8_t* p, int32_t zero_point, float scale) {
    return static_cast<float>(*p - zero_point) * scale;
  }
  static void Store(float* p, float x) { *p = x; }
  static float Blend(float x, float x_weight, float y, float y_weight) {
    return x * x_weight + y * y_weight;
  }
};

// Lanes as columns.h has them, and their number kLanes; the widest first, OneLane last.
template <typename Lanes, typename... Narrower>
struct OverlappingVectors {
  template <typename Visit>
  static void ForEachVector(int64_t channels, const Visit& visit) {
    if constexpr (sizeof...(Narrower) > 0) {
      if (channels < Lanes::kLanes) {
        return OverlappingVectors<Narrower...>::ForEachVector(channels, visit);
      }
    }
    int64_t channel = 0;
    for (; channel + Lanes::kLanes <= channels; channel += Lanes::kLanes) visit(Lanes(), channel);
    if (channel < channels) visit(Lanes(), channels - Lanes::kLanes);
  }
};

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_BILINEAR_OVERLAPPING_VECTORS_H_
