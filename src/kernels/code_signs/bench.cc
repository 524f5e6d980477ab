// code_signs_bench --benchmark_filter=avx512
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/code_signs/code_signs.h"
#include "kernels/testing/kernel_bench.h"

namespace signum::kernels {
namespace {

// The sums of a residual network, 96 pixels of 64 channels.
void Measure(benchmark::State& state, const CodeSignsKernel& kernel) {
  constexpr int64_t kRows = 96;
  constexpr int64_t kChannels = 64;
  const std::vector<uint8_t> least(kChannels, 100), possible(kChannels, 255);
  const std::vector<uint8_t> codes(kRows * kChannels, 101);
  std::vector<uint8_t> bits(kRows * kChannels / 8);
  for (auto _ : state) {
    kernel.to_bits({.rows = kRows,
                    .channels = kChannels,
                    .least = least.data(),
                    .possible = possible.data(),
                    .codes = codes.data(),
                    .codes_stride = kChannels,
                    .output = bits.data(),
                    .output_stride = kChannels / 8});
    benchmark::ClobberMemory();
  }
  state.counters["values"] =
      benchmark::Counter(kRows * kChannels, benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = RegisterKernelBenches(CodeSignsKernels(), "", Measure);

}  // namespace
}  // namespace signum::kernels
