// One training run: its records as JSON, and as one HTML page that needs no
// network and no script. Knows numbers and names that it is handed; no graph, no
// trainer, no file.
#ifndef SIGNUM_REPORT_RUN_REPORT_H_
#define SIGNUM_REPORT_RUN_REPORT_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "signum/result.h"

namespace signum::report {

// What one epoch came to; one line of metrics.jsonl. NaN where something was
// not measured (or diverged): it is null in JSON and a gap in a curve.
struct EpochRecord {
  int64_t epoch = 0;
  double train_loss = 0;
  double train_accuracy = 0;  // 0..1
  double test_loss = 0;
  double test_accuracy = 0;  // 0..1
  double learning_rate = 0;
  double seconds = 0;
  double images_per_second = 0;
  // Share (0..1) of each layer's binary weights that changed sign in the epoch;
  // empty for float runs.
  std::map<std::string, double> flip_rates;
  // Test accuracies (0..1) of a switchable network at each of its precisions, by bits, 32 for
  // float; empty for others.
  std::map<int, double> accuracies;

  bool operator==(const EpochRecord&) const = default;
};

nlohmann::json ToJson(const EpochRecord& record);

// The inverse of ToJson. Unknown keys are passed over; a missing or mistyped one
// is kCorrupt and named.
Result<EpochRecord> EpochRecordFromJson(const nlohmann::json& json);

// A layer's weights before and after quantization, counted in the same bins:
// bin i is [edges[i], edges[i + 1]). Either count may be empty (not known).
struct LayerHistogram {
  std::string layer;
  std::vector<float> edges;  // ascending; one more than the bins
  std::vector<int64_t> before;
  std::vector<int64_t> after;
};

struct SamplePrediction {
  std::vector<uint8_t> png;  // a PNG file's bytes
  std::string truth;
  std::string predicted;
  double probability = 0;  // of `predicted`, 0..1
};

// Empty parts are left out of the page.
struct RunReport {
  std::string title;
  std::vector<std::pair<std::string, std::string>> settings;  // name, value
  std::vector<std::pair<std::string, std::string>> results;   // name, value; the first ones large
  std::vector<EpochRecord> epochs;
  std::vector<LayerHistogram> histograms;
  std::vector<SamplePrediction> samples;
  std::vector<std::string> class_names;
  std::vector<std::vector<int64_t>> confusion;  // [truth][predicted]; square
};

// A whole HTML page: inline SVG and CSS, light and dark, no script. Every string
// is escaped. Parts that contradict themselves (a confusion matrix that is not
// square, a histogram whose edges do not fit) are left out.
std::string RenderRunReport(const RunReport& report);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_RUN_REPORT_H_
