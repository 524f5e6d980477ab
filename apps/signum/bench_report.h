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
#include "timing.h"

namespace signum::apps {

struct BenchResult {
  std::string model;
  std::string flags;  // as typed, behind the model
  std::shared_ptr<const runtime::Program> program;
  std::vector<Timing> timings;             // at least one
  std::vector<double> load_milliseconds;   // from file to session, in rising order; or none
  std::optional<limits::Limits> measured;  // of one thread, where layers were profiled
  bool explain = false;
};

enum class BenchFormat { kText, kMarkdown, kJson };

std::string BenchText(const BenchResult& result, BenchFormat format);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_BENCH_REPORT_H_
