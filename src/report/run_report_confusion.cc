#include <fmt/format.h>

#include <algorithm>

#include "report/chart.h"
#include "report/html.h"
#include "report/run_report_parts.h"
#include "report/text.h"

namespace signum::report {
namespace {

constexpr size_t kMostMatrixClasses = 120;  // beyond, a cell is too small to see
constexpr size_t kCountsUpTo = 24;          // classes whose cells have room for counts
constexpr size_t kPairsFrom = 16;           // classes from which the worst pairs are listed
constexpr size_t kPairs = 12;

using Matrix = std::vector<std::vector<int64_t>>;

bool IsSquare(const Matrix& matrix) {
  return std::all_of(matrix.begin(), matrix.end(),
                     [&](const auto& row) { return row.size() == matrix.size(); });
}

std::string ClassName(const RunReport& report, size_t i) {
  return i < report.class_names.size() ? report.class_names[i] : "class " + std::to_string(i);
}

double RowSum(const std::vector<int64_t>& row) {
  double sum = 0;
  for (int64_t count : row) sum += static_cast<double>(count);
  return sum;
}

std::string MatrixCard(const RunReport& report) {
  const size_t classes = report.confusion.size();
  HeatMap map;
  map.title = "Predicted class of each true class";
  map.x_label = "predicted";
  map.y_label = "true";
  map.percent = true;
  map.gamma = 0.6;  // a few confusions in a hundred are what a reader looks for
  map.maximum_cell_width = 84;
  map.cell_height =
      classes <= kCountsUpTo ? 30 : std::max(8.0, 720.0 / static_cast<double>(classes));
  for (size_t truth = 0; truth < classes; ++truth) {
    map.row_names.push_back(ClassName(report, truth));
    const double sum = RowSum(report.confusion[truth]);
    std::vector<double>& shares = map.values.emplace_back();
    std::vector<std::string>& labels = map.labels.emplace_back();
    for (int64_t count : report.confusion[truth]) {
      shares.push_back(sum > 0 ? static_cast<double>(count) / sum : 0);
      labels.push_back(count == 0 ? "" : HumanCount(count));
    }
  }
  map.column_names = map.row_names;
  return "<div class=\"card wide\">" + Draw(map).Inline() + "</div>\n";
}

struct Confusion {
  int64_t count;
  size_t truth;
  size_t predicted;
  double share;  // of the true class
};

std::string PairsCard(const RunReport& report) {
  std::vector<Confusion> pairs;
  for (size_t truth = 0; truth < report.confusion.size(); ++truth) {
    const double sum = RowSum(report.confusion[truth]);
    for (size_t predicted = 0; predicted < report.confusion.size(); ++predicted) {
      const int64_t count = report.confusion[truth][predicted];
      if (truth == predicted || count <= 0) continue;
      pairs.push_back({count, truth, predicted, static_cast<double>(count) / sum});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Confusion& a, const Confusion& b) { return a.count > b.count; });
  if (pairs.size() > kPairs) pairs.resize(kPairs);
  if (pairs.empty()) return "";
  std::string rows;
  for (const Confusion& pair : pairs) {
    rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        EscapeMarkup(ClassName(report, pair.truth)),
                        EscapeMarkup(ClassName(report, pair.predicted)), HumanCount(pair.count),
                        HumanPercent(pair.share));
  }
  return "<p class=\"gap\"></p><div class=\"card wide\"><table class=\"names\">\n<tr><th>true "
         "class</th>"
         "<th>taken for</th><th>images</th><th>of the class</th></tr>\n" +
         rows + "</table></div>\n";
}

}  // namespace

std::string ConfusionPart(const RunReport& report) {
  const size_t classes = report.confusion.size();
  if (classes == 0 || !IsSquare(report.confusion)) return "";
  std::string body;
  if (classes <= kMostMatrixClasses) body += MatrixCard(report);
  if (classes >= kPairsFrom) body += PairsCard(report);
  return body.empty() ? "" : HtmlSection("Confusion", body);
}

}  // namespace signum::report
