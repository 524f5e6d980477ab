// Every kernel of gemm_f32 that this CPU runs, on layers of the model zoo:
//   gemm_f32_bench --benchmark_filter=avx512
// "op" counts two for each product.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/gemm_f32/gemm_f32.h"
#include "kernels/testing/kernel_bench.h"

namespace signum::kernels {
namespace {

struct Size {
  int64_t m, n, k;
};

// Pixel tiles of convolutions, then linear layers.
constexpr Size kSizes[] = {
    {64, 64, 576}, {8, 64, 576}, {64, 16, 147}, {1, 10, 512}, {1, 1024, 1024}};

void Run(benchmark::State& state, const GemmF32Kernel& kernel, const Size& size) {
  std::vector<float> a(static_cast<size_t>(size.m * size.k), 0.5f);
  std::vector<float> weights(static_cast<size_t>(size.n * size.k), 0.25f);
  std::vector<float> packed(kernel.packed_bytes(size.n, size.k) / sizeof(float));
  kernel.pack(weights.data(), size.n, size.k, packed.data());
  std::vector<float> c(static_cast<size_t>(size.m * size.n));
  for (auto _ : state) {
    kernel.run(size.m, size.n, size.k, a.data(), size.k, packed.data(), c.data(), size.n);
    benchmark::ClobberMemory();
  }
  state.counters["op"] = benchmark::Counter(static_cast<double>(2 * size.m * size.n * size.k),
                                            benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  for (const Size& size : kSizes) {
    const std::string suffix = "/m:" + std::to_string(size.m) + "/n:" + std::to_string(size.n) +
                               "/k:" + std::to_string(size.k);
    RegisterKernelBenches(
        GemmF32Kernels(), suffix,
        [=](benchmark::State& state, const GemmF32Kernel& kernel) { Run(state, kernel, size); });
  }
  return true;
}();

}  // namespace
}  // namespace signum::kernels
