#include "limits/limits.h"

#include <algorithm>
#include <chrono>

#include "limits/loops.h"

namespace signum::limits {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What is computed goes here, so that it is computed.
volatile uint64_t kept_result;

// How often in a second run(count) does one of its `count`: the best of some tries that
// take about `seconds` together.
template <typename Run>
double Rate(double seconds, const Run& run) {
  constexpr int kTries = 5;
  int64_t count = 1;
  double best = 0;
  for (int tries = 0; tries < kTries;) {
    const double start = Now();
    kept_result = run(count);
    const double spent = Now() - start;
    if (spent < seconds / kTries / 2) {
      count *= 2;
      continue;
    }
    best = std::max(best, static_cast<double>(count) / spent);
    ++tries;
  }
  return best;
}

const Loops* LoopsOf(Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::kAvx512) return &kAvx512Loops;
  if (isa >= Isa::kAvx2) return &kAvx2Loops;
#elif defined(__aarch64__)
  if (isa >= Isa::kDotprod) return &kDotprodLoops;
  if (isa >= Isa::kNeon) return &kNeonLoops;
#endif
  static_cast<void>(isa);
  return nullptr;
}

}  // namespace

Limits MeasureLimits(Isa isa, double seconds) {
  Limits limits;
  const Loops* loops = LoopsOf(isa);
  if (loops == nullptr) return limits;
  const Loops* int8 = loops;
#if defined(__x86_64__)
  if (isa >= Isa::kAmx) int8 = &kAmxLoops;
#endif
  limits.float_ops = loops->float_ops * Rate(seconds, loops->float_rounds);
  limits.int8_ops = int8->int8_ops * Rate(seconds, int8->int8_rounds);
  limits.bit_ops = loops->bit_ops * Rate(seconds, loops->bit_rounds);
  // Within the first-, second- and third-level cache of most machines, and beyond.
  constexpr int64_t kSizes[] = {16 << 10, 256 << 10, 4 << 20, 128 << 20};
  const std::vector<uint8_t> buffer(kSizes[3], 1);
  for (int64_t bytes : kSizes) {
    const double rate = Rate(seconds, [&](int64_t count) {
      uint64_t result = 0;
      for (int64_t i = 0; i < count; ++i) result += loops->read(buffer.data(), bytes);
      return result;
    });
    limits.reads.push_back({bytes, static_cast<double>(bytes) * rate});
  }
  return limits;
}

double RooflineSeconds(const Limits& limits, double ops, double ops_per_second, int64_t bytes) {
  double seconds = ops_per_second > 0 ? ops / ops_per_second : 0;
  for (const Bandwidth& read : limits.reads) {
    if (bytes > read.buffer_bytes && &read != &limits.reads.back()) continue;
    return std::max(seconds, static_cast<double>(bytes) / read.bytes_per_second);
  }
  return seconds;
}

}  // namespace signum::limits
