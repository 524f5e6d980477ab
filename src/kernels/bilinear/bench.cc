// bilinear_bench --benchmark_filter=avx512
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/bilinear/bilinear.h"
#include "kernels/testing/kernel_bench.h"

namespace signum::kernels {
namespace {

// Two lines of 56 pixels, made of one of 28 pixels and the one below it.
template <typename T, typename Run>
void Measure(benchmark::State& state, Run run, int64_t channels) {
  constexpr int64_t kPixels = 28;
  constexpr int64_t kColumns = 2 * kPixels;
  const std::vector<T> above(static_cast<size_t>(kPixels * channels), T{3});
  const std::vector<T> below(above.size(), T{5});
  std::vector<BilinearColumn> columns;
  for (int64_t x = 0; x < kColumns; ++x) {
    const int64_t left = x == 0 ? 0 : (x - 1) / 2;
    const int64_t right = left + 1 < kPixels ? left + 1 : left;
    const float share = x % 2 == 0 ? 0.75f : 0.25f;
    columns.push_back({left * channels, right * channels, 1.0f - share, share});
  }
  const BilinearLine lines[] = {{0.75f, 0.25f}, {0.25f, 0.75f}};
  std::vector<float> out(static_cast<size_t>(2 * kColumns * channels));
  for (auto _ : state) {
    run({.channels = channels,
         .columns = columns.data(),
         .column_count = kColumns,
         .lines = lines,
         .line_count = 2,
         .zero_point = 5,
         .scale = 0.13f,
         .output = out.data(),
         .output_stride = kColumns * channels},
        above.data(), below.data());
    benchmark::ClobberMemory();
  }
  state.counters["values"] = benchmark::Counter(static_cast<double>(out.size()),
                                                benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  for (const int64_t channels : {3, 21, 64}) {
    const std::string size = "/channels:" + std::to_string(channels);
    RegisterKernelBenches(BilinearKernels(), "/f32" + size,
                          [=](benchmark::State& state, const BilinearKernel& kernel) {
                            Measure<float>(state, kernel.run_f32, channels);
                          });
    RegisterKernelBenches(BilinearKernels(), "/u8" + size,
                          [=](benchmark::State& state, const BilinearKernel& kernel) {
                            Measure<uint8_t>(state, kernel.run_u8, channels);
                          });
  }
  return true;
}();

}  // namespace
}  // namespace signum::kernels
