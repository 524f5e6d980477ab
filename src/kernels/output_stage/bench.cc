// Every kernel of output_stage that this CPU runs, 64 rows of 64 channels, for
// each residual and output:
//   output_stage_bench --benchmark_filter=avx512
// "values" are channels of rows.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/output_stage/output_stage.h"
#include "kernels/testing/kernel_bench.h"

namespace signum::kernels {
namespace {

void Run(benchmark::State& state, const OutputStageKernel& kernel, OutputStage stage) {
  constexpr int64_t kRows = 64;
  constexpr int64_t kChannels = 64;
  const std::vector<float> multiplier(kChannels, 0.01f);
  const std::vector<float> bias(kChannels, 3.0f);
  stage.multiplier = multiplier.data();
  stage.bias = bias.data();
  std::vector<int32_t> input(kRows * kChannels);
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<int32_t>(i * 7 % 20011) - 10000;
  const std::vector<float> residual(kRows * kChannels, 1.0f);  // as codes, its first quarter
  std::vector<float> output(kRows * kChannels);
  const OutputStageRows rows = {.rows = kRows,
                                .channels = kChannels,
                                .residual = residual.data(),
                                .residual_stride = kChannels,
                                .output = output.data(),
                                .output_stride = kChannels};
  for (auto _ : state) {
    kernel.run_int32(stage, rows, input.data(), kChannels);
    benchmark::ClobberMemory();
  }
  state.counters["values"] =
      benchmark::Counter(kRows * kChannels, benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  const char* residual_names[] = {"no_residual", "code_residual", "float_residual"};
  const char* output_names[] = {"to_float", "to_codes", "to_sign", "to_bits"};
  for (ResidualKind residual : {ResidualKind::kNone, ResidualKind::kCodes, ResidualKind::kFloat}) {
    for (OutputKind output :
         {OutputKind::kFloat, OutputKind::kCodes, OutputKind::kSign, OutputKind::kBits}) {
      OutputStage stage;
      stage.residual = residual;
      stage.output = output;
      RegisterKernelBenches(
          OutputStageKernels(),
          std::string("/") + residual_names[static_cast<int>(residual)] + "/" +
              output_names[static_cast<int>(output)],
          [=](benchmark::State& state, const OutputStageKernel& k) { Run(state, k, stage); });
    }
  }
  return true;
}();

}  // namespace
}  // namespace signum::kernels
