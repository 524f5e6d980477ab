// The benchmark of a depthwise op's kernels: every one that this CPU runs, on a line of
// layers of the model zoo. "op" counts two for each product.
#ifndef SIGNUM_KERNELS_TESTING_DEPTHWISE_BENCH_H_
#define SIGNUM_KERNELS_TESTING_DEPTHWISE_BENCH_H_

#include <benchmark/benchmark.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/testing/kernel_bench.h"
#include "kernels/tile_rows.h"

namespace signum::kernels {

struct DepthwiseSize {
  int64_t channels, pixels, kernel, stride;
};

inline constexpr DepthwiseSize kDepthwiseBenchSizes[] = {
    {16, 112, 3, 1}, {32, 112, 3, 1}, {96, 56, 3, 2},  {128, 56, 3, 1}, {144, 56, 3, 1},
    {240, 28, 5, 1}, {512, 14, 3, 1}, {576, 14, 3, 2}, {960, 7, 3, 1},  {64, 14, 7, 1}};

template <typename Kernel>
void RunDepthwiseBench(benchmark::State& state, const Kernel& kernel, const DepthwiseSize& size) {
  using Value = typename Kernel::Value;
  const DepthwiseWindow window = {size.kernel, size.kernel, size.stride == 1};
  const int64_t line = ((size.pixels - 1) * size.stride + size.kernel) * size.channels;
  std::vector<Value> map(static_cast<size_t>(line * size.kernel + kOverread), Value{3});
  std::vector<typename Kernel::Weight> weights(static_cast<size_t>(window.taps() * size.channels),
                                               typename Kernel::Weight{1});
  std::vector<std::byte> storage(kernel.packed_bytes(size.channels, window) + kPackedAlignment);
  const uintptr_t misaligned = reinterpret_cast<uintptr_t>(storage.data()) % kPackedAlignment;
  std::byte* packed = storage.data() + (kPackedAlignment - misaligned) % kPackedAlignment;
  kernel.pack(weights.data(), size.channels, window, packed);
  std::vector<DepthwiseTap<Value>> taps;
  for (int64_t tap = 0; tap < window.taps(); ++tap) {
    const int64_t place = tap / size.kernel * line + tap % size.kernel * size.channels;
    taps.push_back({map.data() + place, size.stride * size.channels});
  }
  const std::vector<typename Kernel::Sum> init(static_cast<size_t>(size.channels));
  std::vector<typename Kernel::Sum> sums(static_cast<size_t>(size.channels * size.pixels));
  for (auto _ : state) {
    kernel.run({window, taps.data(), size.pixels, size.channels, packed, init.data(), sums.data(),
                size.channels});
    benchmark::ClobberMemory();
  }
  const int64_t products = window.taps() * size.pixels * size.channels;
  state.counters["op"] = benchmark::Counter(static_cast<double>(2 * products),
                                            benchmark::Counter::kIsIterationInvariantRate);
}

// Registers "KERNEL/CHANNELSxPIXELS/KERNEL SIZE/STRIDE" for each; to be called before main.
template <typename Kernel>
bool RegisterDepthwiseBenches(std::span<const Kernel* const> kernels) {
  for (const DepthwiseSize& size : kDepthwiseBenchSizes) {
    std::string suffix = "/";
    suffix += std::to_string(size.channels) + "x" + std::to_string(size.pixels);
    suffix += "/kernel:" + std::to_string(size.kernel) + "/stride:" + std::to_string(size.stride);
    RegisterKernelBenches(kernels, suffix, [=](benchmark::State& state, const Kernel& kernel) {
      RunDepthwiseBench(state, kernel, size);
    });
  }
  return true;
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TESTING_DEPTHWISE_BENCH_H_
