// The parts of the run report that are more than a list: what they show is decided
// here, how it is drawn is chart.h's. Each returns markup, or "" where the report
// has nothing for it.
#ifndef SIGNUM_REPORT_RUN_REPORT_PARTS_H_
#define SIGNUM_REPORT_RUN_REPORT_PARTS_H_

#include <string>
#include <utility>
#include <vector>

#include "report/chart.h"
#include "report/run_report.h"

namespace signum::report {

using NamesAndValues = std::vector<std::pair<std::string, std::string>>;

// A card that lists pairs[first] and what follows.
std::string NameValueList(const NamesAndValues& pairs, size_t first);

// A number of each epoch.
Series SeriesOf(const std::vector<EpochRecord>& epochs, std::string name,
                double EpochRecord::*member);

// A chart over epochs of those of `series` that hold a number, in a card; "" where none does.
std::string CurveCard(LineChart chart, std::vector<Series> series);

// Loss, accuracy, learning rate and speed over the epochs, and a folded table of them.
std::string CurvesPart(const RunReport& report);

// Lines for a few layers; for more, a map of layers and epochs.
std::string FlipRatesPart(const RunReport& report);

// The matrix, and for many classes the pairs that are most often confused.
std::string ConfusionPart(const RunReport& report);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_RUN_REPORT_PARTS_H_
