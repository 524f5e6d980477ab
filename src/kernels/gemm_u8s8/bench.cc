// Every kernel of gemm_u8s8 that this CPU runs, on layers of the model zoo:
//   gemm_u8s8_bench --benchmark_filter=avx512
// "op" counts two for each product, true depth only.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/gemm_u8s8/gemm_u8s8.h"

namespace signum::kernels {
namespace {

struct Size {
  int64_t m, n, k;
};

// Pixel tiles of convolutions, then linear layers.
constexpr Size kSizes[] = {{64, 64, 576},   {8, 64, 576},    {64, 16, 144}, {64, 32, 288},
                           {64, 128, 1152}, {32, 512, 4608}, {1, 10, 512},  {1, 4096, 4096}};

void Run(benchmark::State& state, const GemmU8S8Kernel& kernel, const Size& size) {
  const int64_t k_padded = PaddedDepth(size.k);
  std::vector<uint8_t> a(static_cast<size_t>(size.m * k_padded));
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<uint8_t>(i * 37);
  std::vector<int8_t> codes(static_cast<size_t>(size.n * size.k));
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = i * 40503 % 65536 < 32768 ? 1 : -1;
  std::vector<int8_t> storage(kernel.packed_bytes(size.n, size.k) + kPackedAlignment);
  const uintptr_t misaligned = reinterpret_cast<uintptr_t>(storage.data()) % kPackedAlignment;
  int8_t* packed = storage.data() + (kPackedAlignment - misaligned) % kPackedAlignment;
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

const bool registered = [] {
  for (const GemmU8S8Kernel* kernel : GemmU8S8Kernels()) {
    if (kernel->isa > DetectIsa()) continue;
    for (const Size& size : kSizes) {
      const std::string name = std::string(kernel->name) + "/m:" + std::to_string(size.m) +
                               "/n:" + std::to_string(size.n) + "/k:" + std::to_string(size.k);
      benchmark::RegisterBenchmark(
          name.c_str(), [kernel, size](benchmark::State& state) { Run(state, *kernel, size); });
    }
  }
  return true;
}();

}  // namespace
}  // namespace signum::kernels
