// max_pool_bench --benchmark_filter=avx512
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/max_pool/max_pool.h"
#include "kernels/testing/kernel_bench.h"

namespace signum::kernels {
namespace {

// Nine taps of 64 channels, as in the pooling of a ResNet.
template <typename T, typename Run>
void Measure(benchmark::State& state, Run run) {
  constexpr int64_t kTaps = 9;
  constexpr int64_t kCount = 64;
  const std::vector<T> values(kTaps * kCount, T{3});
  std::vector<const T*> taps;
  for (int64_t t = 0; t < kTaps; ++t) taps.push_back(values.data() + t * kCount);
  std::vector<T> out(kCount);
  for (auto _ : state) {
    run(taps.data(), kTaps, kCount, out.data());
    benchmark::ClobberMemory();
  }
  state.counters["values"] =
      benchmark::Counter(kTaps * kCount, benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered =
    RegisterKernelBenches(MaxPoolKernels(), "/f32",
                          [](benchmark::State& state, const MaxPoolKernel& kernel) {
                            Measure<float>(state, kernel.run_f32);
                          }) &&
    RegisterKernelBenches(MaxPoolKernels(), "/u8",
                          [](benchmark::State& state, const MaxPoolKernel& kernel) {
                            Measure<uint8_t>(state, kernel.run_u8);
                          });

}  // namespace
}  // namespace signum::kernels
