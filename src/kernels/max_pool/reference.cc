// The definition, one element at a time.
#include "kernels/max_pool/max_pool.h"

namespace signum::kernels {
namespace {

struct Larger {
  template <typename T>
  T operator()(T tap, T x) const {
    return tap > x ? tap : x;
  }
};
struct Either {
  uint8_t operator()(uint8_t tap, uint8_t x) const { return tap | x; }
};

template <typename T, typename Join>
void Run(const T* const* taps, int64_t tap_count, int64_t count, T* out) {
  for (int64_t i = 0; i < count; ++i) {
    T x = taps[0][i];
    for (int64_t t = 1; t < tap_count; ++t) x = Join()(taps[t][i], x);
    out[i] = x;
  }
}

}  // namespace

constexpr MaxPoolKernel kMaxPoolReference = {"max_pool_reference", Isa::kScalar, Run<float, Larger>,
                                             Run<uint8_t, Larger>, Run<uint8_t, Either>};

}  // namespace signum::kernels
