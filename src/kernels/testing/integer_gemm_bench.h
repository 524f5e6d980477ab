// The benchmark of an integer GEMM's kernels: every one that this CPU runs, on
// layers of the model zoo. "op" counts two for each product, true depth only.
#ifndef SIGNUM_KERNELS_TESTING_INTEGER_GEMM_BENCH_H_
#define SIGNUM_KERNELS_TESTING_INTEGER_GEMM_BENCH_H_

#include <benchmark/benchmark.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/kernel.h"

namespace signum::kernels {

struct GemmSize {
  int64_t m, n, k;
};

// Pixel tiles of convolutions, then linear layers.
inline constexpr GemmSize kGemmBenchSizes[] = {{64, 64, 576}, {8, 64, 576},    {64, 16, 144},
                                               {64, 32, 288}, {64, 128, 1152}, {32, 512, 4608},
                                               {1, 10, 512},  {1, 4096, 4096}};

// Weights are codes -1 and +1, which every integer GEMM takes. `Packed` is the
// element type of the kernel's packed weights.
template <typename Packed, typename Kernel>
void RunIntegerGemmBench(benchmark::State& state, const Kernel& kernel, const GemmSize& size) {
  const int64_t k_padded = PaddedDepth(size.k);
  std::vector<uint8_t> a(static_cast<size_t>(size.m * k_padded));
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<uint8_t>(i * 37);
  std::vector<int8_t> codes(static_cast<size_t>(size.n * size.k));
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = i * 40503 % 65536 < 32768 ? 1 : -1;
  std::vector<Packed> storage(kernel.packed_bytes(size.n, size.k) + kPackedAlignment);
  const uintptr_t misaligned = reinterpret_cast<uintptr_t>(storage.data()) % kPackedAlignment;
  Packed* packed = storage.data() + (kPackedAlignment - misaligned) % kPackedAlignment;
  kernel.pack(codes.data(), size.n, size.k, packed);
  const std::vector<int32_t> init(static_cast<size_t>(size.n));
  std::vector<int32_t> c(static_cast<size_t>(size.m * size.n));
  for (auto _ : state) {
    kernel.run(size.m, size.n, k_padded, a.data(), k_padded, packed, init.data(), c.data(), size.n);
    benchmark::ClobberMemory();
  }
  state.counters["op"] = benchmark::Counter(static_cast<double>(2 * size.m * size.n * size.k),
                                            benchmark::Counter::kIsIterationInvariantRate);
}

// Registers "KERNEL/m:M/n:N/k:K" for each; to be called before main.
template <typename Packed, typename Kernel>
bool RegisterIntegerGemmBenches(std::span<const Kernel* const> kernels) {
  for (const Kernel* kernel : kernels) {
    if (kernel->isa > DetectIsa()) continue;
    for (const GemmSize& size : kGemmBenchSizes) {
      const std::string name = std::string(kernel->name) + "/m:" + std::to_string(size.m) +
                               "/n:" + std::to_string(size.n) + "/k:" + std::to_string(size.k);
      benchmark::RegisterBenchmark(name.c_str(), [kernel, size](benchmark::State& state) {
        RunIntegerGemmBench<Packed>(state, *kernel, size);
      });
    }
  }
  return true;
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TESTING_INTEGER_GEMM_BENCH_H_
