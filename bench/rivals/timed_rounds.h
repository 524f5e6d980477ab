// How every program of this folder takes its turns: it says "ready", then for every
// number N that it reads, one line, it runs N times and answers with the milliseconds
// of each run. So the script that compares them can let them alternate.
#ifndef SIGNUM_BENCH_RIVALS_TIMED_ROUNDS_H_
#define SIGNUM_BENCH_RIVALS_TIMED_ROUNDS_H_

#include <chrono>
#include <cstdio>

namespace signum::rivals {

template <typename Run>
void TimedRounds(const Run& run) {
  using Clock = std::chrono::steady_clock;
  std::puts("ready");
  std::fflush(stdout);
  int count = 0;
  while (std::scanf("%d", &count) == 1) {
    for (int i = 0; i < count; ++i) {
      const auto start = Clock::now();
      run();
      const std::chrono::duration<double, std::milli> spent = Clock::now() - start;
      std::printf("%s%.6f", i == 0 ? "" : " ", spent.count());
    }
    std::puts("");
    std::fflush(stdout);
  }
}

}  // namespace signum::rivals

#endif  // SIGNUM_BENCH_RIVALS_TIMED_ROUNDS_H_
