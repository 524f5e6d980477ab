#include "kernel_table.h"

#include <string>
#include <utility>
#include <vector>

namespace signum::apps {

report::Table KernelTable(const runtime::Program& program) {
  report::Table table({{"layer"}, {"operators"}, {"kernel"}, {"refused"}, {"because"}});
  for (const runtime::PlannedStep& planned : program.steps()) {
    const runtime::StepReport& step = planned.report;
    std::vector<std::string> row = {step.name, step.ops,
                                    step.kernel.empty() ? "plain code" : step.kernel};
    for (const kernels::Refusal& refusal : step.refused) {
      row.insert(row.end(), {refusal.kernel, refusal.reason});
      table.AddRow(std::exchange(row, {"", "", ""}));
    }
    if (!step.refused.empty()) continue;
    row.resize(5);
    table.AddRow(std::move(row));
  }
  return table;
}

}  // namespace signum::apps
