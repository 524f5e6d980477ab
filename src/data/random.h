// Random numbers as a pure function of (seed, stream, epoch, index): nothing to
// save, nothing shared, the same on every machine.
#ifndef SIGNUM_DATA_RANDOM_H_
#define SIGNUM_DATA_RANDOM_H_

#include <cstdint>

namespace signum::data {

// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
// generators", OOPSLA 2014): a counter, times the golden ratio, mixed. The key is
// mixed once per coordinate, so neighbouring seeds, epochs and indices are
// unrelated sequences.
class CounterRandom {
 public:
  CounterRandom(uint64_t seed, uint64_t stream, int64_t epoch, int64_t index) {
    state_ = Mix(seed + kGolden);
    state_ = Mix(state_ + stream * kGolden);
    state_ = Mix(state_ + static_cast<uint64_t>(epoch) * kGolden);
    state_ = Mix(state_ + static_cast<uint64_t>(index) * kGolden);
  }

  uint64_t Next() { return Mix(state_ += kGolden); }

  // In [0, bound), for bound >= 1; off from uniform by at most bound / 2^64.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

 private:
  static constexpr uint64_t kGolden = 0x9E3779B97F4A7C15u;

  static uint64_t Mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  }

  uint64_t state_;
};

}  // namespace signum::data

#endif  // SIGNUM_DATA_RANDOM_H_
