// Several training runs on one page. Knows numbers and names that it is handed; no graph, no
// trainer, no file.
#ifndef SIGNUM_REPORT_COMPARISON_H_
#define SIGNUM_REPORT_COMPARISON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "report/run_report.h"
#include "report/table.h"

namespace signum::report {

// Runs whose curves belong into one chart.
struct ComparedRuns {
  struct Curve {
    std::string name;
    std::vector<EpochRecord> epochs;
  };
  // An accuracy from elsewhere: a point.
  struct Reference {
    double accuracy = 0;  // 0..1
    int64_t epochs = 0;
  };
  std::string title;
  std::vector<Curve> curves;
  std::vector<Reference> references;
};

// A whole HTML page, like a run's report: the table, then over the epochs of each group test
// accuracy, test loss, and where weights have 1 bit the share of bits that flip.
std::string RenderComparison(const std::string& title, const Table& table,
                             const std::vector<ComparedRuns>& groups);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_COMPARISON_H_
