// How long a model takes to run on this machine.
#ifndef SIGNUM_APPS_TIMING_H_
#define SIGNUM_APPS_TIMING_H_

#include <cstdint>
#include <vector>

#include "runtime/executor.h"
#include "signum/result.h"

namespace signum::apps {

// One way of running a model, and how long that took.
struct Timing {
  int64_t threads = 1;
  int64_t batch = 1;
  std::vector<double> milliseconds;  // of single runs, in rising order
  std::vector<double> step_seconds;  // the median of every step; 0 where not profiled
  int64_t memory_bytes = 0;
};

// The value below which `share` of the sorted ones lie; there is at least one.
double Quantile(const std::vector<double>& sorted, double share);

struct TimingOptions {
  double seconds = 2;  // for how long to time runs, five at least
  int iterations = 0;  // how many to time instead; 0: by time
};

// Times runs of `batch` random images, after some that warm up caches and clock. Timing::threads is
// the caller's to set.
Result<Timing> TimeRuns(runtime::Executor& executor, int64_t batch, const TimingOptions& options);

// Seconds on a clock that only rises.
double Now();

}  // namespace signum::apps

#endif  // SIGNUM_APPS_TIMING_H_
