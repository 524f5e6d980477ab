// Registers a benchmark of every kernel of an op that this CPU runs.
#ifndef SIGNUM_KERNELS_TESTING_KERNEL_BENCH_H_
#define SIGNUM_KERNELS_TESTING_KERNEL_BENCH_H_

#include <benchmark/benchmark.h>

#include <span>
#include <string>

#include "base/cpu.h"

namespace signum::kernels {

// "KERNEL" with `suffix` behind it calls measure(state, kernel). To be called before main.
template <typename Kernel, typename Measure>
bool RegisterKernelBenches(std::span<const Kernel* const> kernels, const std::string& suffix,
                           const Measure& measure) {
  for (const Kernel* kernel : kernels) {
    if (kernel->isa > DetectIsa()) continue;
    benchmark::RegisterBenchmark(
        (kernel->name + suffix).c_str(),
        [kernel, measure](benchmark::State& state) { measure(state, *kernel); });
  }
  return true;
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TESTING_KERNEL_BENCH_H_
