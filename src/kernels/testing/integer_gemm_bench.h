// The benchmark of an integer GEMM's kernels: every one that this CPU runs, on
// layers of the model zoo. "op" counts two for each product, true depth only.
#ifndef SIGNUM_KERNELS_TESTING_INTEGER_GEMM_BENCH_H_
#define SIGNUM_KERNELS_TESTING_INTEGER_GEMM_BENCH_H_

#include <benchmark/benchmark.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/integer_gemm.h"
#include "kernels/testing/kernel_bench.h"
#include "kernels/tile_rows.h"

namespace signum::kernels {

struct GemmSize {
  int64_t m, n, k;
};

// Pixel tiles of convolutions, then linear layers.
inline constexpr GemmSize kGemmBenchSizes[] = {{64, 64, 576}, {8, 64, 576},    {64, 16, 144},
                                               {64, 32, 288}, {64, 128, 1152}, {32, 512, 4608},
                                               {1, 10, 512},  {1, 4096, 4096}};

// Where what is packed may start, in storage that has kPackedAlignment bytes more.
inline uint8_t* Aligned(std::vector<uint8_t>& storage) {
  const uintptr_t misaligned = reinterpret_cast<uintptr_t>(storage.data()) % kPackedAlignment;
  return storage.data() + (kPackedAlignment - misaligned) % kPackedAlignment;
}

// Weights are codes -1 and +1, which every integer GEMM takes.
inline void RunIntegerGemmBench(benchmark::State& state, const IntegerGemmKernel& kernel,
                                const GemmSize& size, int64_t channels_per_byte) {
  const Depth depth = {.segments = 1, .bytes = size.k / channels_per_byte};
  std::vector<uint8_t> a(static_cast<size_t>(size.m * depth.bytes + kOverread));
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<uint8_t>(i * 37);
  std::vector<int8_t> codes(static_cast<size_t>(size.n * depth.bytes));
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = i * 40503 % 65536 < 32768 ? 1 : -1;
  std::vector<uint8_t> storage(kernel.packed_bytes(size.n, depth) + kPackedAlignment);
  uint8_t* packed = Aligned(storage);
  kernel.pack(codes.data(), size.n, depth, packed);
  const std::vector<int32_t> init(static_cast<size_t>(size.n));
  std::vector<int32_t> c(static_cast<size_t>(size.m * size.n));
  const int64_t offset = 0;
  const TileRows rows = {.a = a.data(),
                         .lines = 1,
                         .pixels = size.m,
                         .line_stride = 0,
                         .pixel_stride = depth.bytes,
                         .offsets = &offset};
  // Expanded as layers do it: once, for more rows than these.
  const Expansion* expansion = kernel.expansion != nullptr && size.m >= kernel.expansion->least_rows
                                   ? kernel.expansion
                                   : nullptr;
  std::vector<uint8_t> expanded;
  const uint8_t* weights = packed;
  if (expansion != nullptr) {
    expanded.resize(expansion->expanded_bytes(size.n, depth) + kPackedAlignment);
    uint8_t* to = Aligned(expanded);
    expansion->expand(size.n, depth, packed, to);
    weights = to;
  }
  const auto run = expansion != nullptr ? expansion->run : kernel.run;
  for (auto _ : state) {
    run(rows, size.n, depth, weights, init.data(), c.data(), size.n);
    benchmark::ClobberMemory();
  }
  state.counters["op"] = benchmark::Counter(static_cast<double>(2 * size.m * size.n * size.k),
                                            benchmark::Counter::kIsIterationInvariantRate);
}

// Registers "KERNEL/m:M/n:N/k:K" for each; to be called before main.
inline bool RegisterIntegerGemmBenches(std::span<const IntegerGemmKernel* const> kernels,
                                       int64_t channels_per_byte = 1) {
  for (const GemmSize& size : kGemmBenchSizes) {
    const std::string suffix = "/m:" + std::to_string(size.m) + "/n:" + std::to_string(size.n) +
                               "/k:" + std::to_string(size.k);
    RegisterKernelBenches(kernels, suffix,
                          [=](benchmark::State& state, const IntegerGemmKernel& kernel) {
                            RunIntegerGemmBench(state, kernel, size, channels_per_byte);
                          });
  }
  return true;
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TESTING_INTEGER_GEMM_BENCH_H_
