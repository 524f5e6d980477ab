// code_planes_bench --benchmark_filter=avx512
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/code_planes/code_planes.h"
#include "kernels/testing/kernel_bench.h"

namespace signum::kernels {
namespace {

// The 2-bit values of a line of a network, 58 pixels of 64 channels.
void Measure(benchmark::State& state, const CodePlanesKernel& kernel) {
  constexpr int64_t kRows = 58;
  constexpr int64_t kChannels = 64;
  constexpr int kBits = 2;
  const std::vector<uint8_t> codes(kRows * kChannels, 2);
  std::vector<uint8_t> planes(kBits * kRows * kChannels / 8);
  for (auto _ : state) {
    kernel.run({.rows = 1,
                .channels = kRows * kChannels,
                .bits = kBits,
                .codes = codes.data(),
                .codes_stride = 0,
                .output = planes.data(),
                .output_stride = 0,
                .plane_stride = kRows * kChannels / 8});
    benchmark::ClobberMemory();
  }
  state.counters["values"] =
      benchmark::Counter(kRows * kChannels, benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = RegisterKernelBenches(CodePlanesKernels(), "", Measure);

}  // namespace
}  // namespace signum::kernels
