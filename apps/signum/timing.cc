#include "timing.h"

#include <algorithm>
#include <chrono>
#include <random>

namespace signum::apps {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

Result<Timing> TimeRuns(runtime::Executor& executor, int64_t batch, const TimingOptions& options) {
  const runtime::Program& program = executor.program();
  std::vector<float> images(batch * program.input_shape().elements());
  std::mt19937 random(1);
  for (float& value : images) value = static_cast<float>(random() >> 8) * 0x1p-24f;
  std::vector<float> outputs(batch * program.output_shape().elements());
  const auto run = [&]() -> Result<double> {
    const double start = Now();
    SIGNUM_RETURN_IF_ERROR(executor.Run(images, batch, outputs));
    return 1e3 * (Now() - start);
  };
  // The first runs meet cold caches and a slow clock.
  const double warm = Now() + std::min(0.2, options.seconds / 4);
  do {
    SIGNUM_RETURN_IF_ERROR(run());
  } while (Now() < warm);
  Timing timing;
  timing.batch = batch;
  std::vector<std::vector<double>> steps(program.steps().size());
  const double end = Now() + options.seconds;
  const size_t least = options.iterations > 0 ? options.iterations : 5;
  while (timing.milliseconds.size() < least || (options.iterations == 0 && Now() < end)) {
    executor.ResetProfile();
    SIGNUM_ASSIGN_OR_RETURN(const double milliseconds, run());
    timing.milliseconds.push_back(milliseconds);
    for (size_t i = 0; i < steps.size(); ++i) steps[i].push_back(executor.step_seconds()[i]);
  }
  std::sort(timing.milliseconds.begin(), timing.milliseconds.end());
  for (std::vector<double>& seconds : steps) {
    std::sort(seconds.begin(), seconds.end());
    timing.step_seconds.push_back(Quantile(seconds, 0.5));
  }
  timing.memory_bytes = executor.memory_bytes();
  return timing;
}

}  // namespace signum::apps
