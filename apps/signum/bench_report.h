// What `signum bench` found out, as text, Markdown or JSON.
#ifndef SIGNUM_APPS_BENCH_REPORT_H_
#define SIGNUM_APPS_BENCH_REPORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "limits/limits.h"
#include "runtime/program.h"

namespace signum::apps {

// One way of running a model, and how long that took.
struct Timing {
  int64_t threads = 1;
  int64_t batch = 1;
  std::vector<double> milliseconds;  // of single runs, in rising order
  std::vector<double> step_seconds;  // the median of every step; 0 where not profiled
  int64_t memory_bytes = 0;
};

struct BenchResult {
  std::string model;
  std::string flags;  // as typed, behind the model
  std::shared_ptr<const runtime::Program> program;
  std::vector<Timing> timings;             // at least one
  std::vector<double> load_milliseconds;   // from file to session, in rising order; or none
  std::optional<limits::Limits> measured;  // of one thread, where layers were profiled
  bool explain = false;
};

// The value below which `share` of the sorted ones lie; there is at least one.
double Quantile(const std::vector<double>& sorted, double share);

enum class BenchFormat { kText, kMarkdown, kJson };

std::string BenchText(const BenchResult& result, BenchFormat format);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_BENCH_REPORT_H_
