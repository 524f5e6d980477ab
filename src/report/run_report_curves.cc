#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "report/chart.h"
#include "report/html.h"
#include "report/run_report_parts.h"
#include "report/text.h"

namespace signum::report {
namespace {

constexpr size_t kMostFlipLines = 6;        // layers whose lines a reader can follow
constexpr size_t kMostMapColumns = 100;     // epochs in the map; more are averaged in groups
constexpr size_t kMostLabelledEpochs = 14;  // whose rates have room in the map
constexpr double kLogFrom = 30;             // a range this wide is read better on a log scale
constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

bool HasNumber(const Series& series) {
  return std::any_of(series.y.begin(), series.y.end(), [](double y) { return std::isfinite(y); });
}

LineChart Titled(std::string title, double height) {
  LineChart chart;
  chart.title = std::move(title);
  chart.height = height;
  return chart;
}

bool SpansDecades(const std::vector<Series>& all) {
  double least = INFINITY;
  double most = 0;
  for (const Series& series : all) {
    for (double y : series.y) {
      if (!std::isfinite(y)) continue;
      least = std::min(least, y);
      most = std::max(most, y);
    }
  }
  return least > 0 && most >= kLogFrom * least;
}

// Of a precision.
std::string NameOf(int bits) {
  if (bits == 32) return "float";
  return bits == 1 ? "1 bit" : fmt::format("{} bits", bits);
}

// A table, folded away unless it is `open`: it is all there is to see of one epoch.
std::string EpochTable(const RunReport& report, bool open) {
  std::set<int> precisions;
  for (const EpochRecord& epoch : report.epochs) {
    for (const auto& [bits, accuracy] : epoch.accuracies) precisions.insert(bits);
  }
  std::string rows;
  for (const EpochRecord& epoch : report.epochs) {
    rows += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
        "<td>{}</td>",
        epoch.epoch, HumanNumber(epoch.train_loss), HumanPercent(epoch.train_accuracy),
        HumanNumber(epoch.test_loss), HumanPercent(epoch.test_accuracy),
        HumanNumber(epoch.learning_rate), HumanDuration(epoch.seconds),
        HumanNumber(epoch.images_per_second));
    for (int bits : precisions) {
      const auto found = epoch.accuracies.find(bits);
      rows += fmt::format("<td>{}</td>",
                          found == epoch.accuracies.end() ? "" : HumanPercent(found->second));
    }
    rows += "</tr>\n";
  }
  std::string heads;
  for (int bits : precisions) heads += "<th>" + NameOf(bits) + "</th>";
  const std::string table =
      "<div class=\"card wide\"><table>\n<tr><th>epoch</th><th>train loss</th><th>train "
      "accuracy</th><th>test loss</th>"
      "<th>test accuracy</th><th>learning rate</th><th>time</th><th>images/s</th>" +
      heads + "</tr>\n" + rows + "</table></div>\n";
  if (open) return table;
  return "<details><summary>All epochs as a table</summary>" + table + "</details>\n";
}

std::string NameOf(const std::string& layer) { return layer; }

// What has a number of its own at each epoch, such as a layer its flip rate, in the order of keys.
template <typename Key>
std::vector<Series> SeriesByKey(const RunReport& report,
                                std::map<Key, double> EpochRecord::*numbers) {
  std::map<Key, Series> by_key;
  for (const EpochRecord& epoch : report.epochs) {
    for (const auto& [key, number] : epoch.*numbers) by_key[key];
  }
  for (auto& [key, series] : by_key) {
    series.name = NameOf(key);
    for (const EpochRecord& epoch : report.epochs) {
      const auto found = (epoch.*numbers).find(key);
      series.x.push_back(static_cast<double>(epoch.epoch));
      series.y.push_back(found == (epoch.*numbers).end() ? kNotANumber : found->second);
    }
  }
  std::vector<Series> all;
  for (auto& [key, series] : by_key) {
    if (HasNumber(series)) all.push_back(std::move(series));
  }
  return all;
}

// A late epoch's rate is far below a tenth of a percent.
std::string FlipPercent(double rate) { return HumanNumber(rate * 100, 3) + " %"; }

double MeanOfFinite(const std::vector<double>& values, size_t first, size_t last) {
  double sum = 0;
  int count = 0;
  for (size_t i = first; i < last; ++i) {
    if (!std::isfinite(values[i])) continue;
    sum += values[i];
    ++count;
  }
  return count > 0 ? sum / count : kNotANumber;
}

// Layers downwards, epochs rightwards; neighbouring epochs are averaged where
// there are more than the page is wide.
HeatMap FlipMap(const std::vector<Series>& all) {
  HeatMap map;
  const size_t epochs = all[0].x.size();
  const size_t group = (epochs + kMostMapColumns - 1) / kMostMapColumns;
  map.title = group == 1 ? "Flip rate by layer and epoch"
                         : fmt::format("Flip rate by layer, mean of {} epochs", group);
  map.x_label = "epoch";
  map.percent = true;
  map.gamma = 0.4;  // rates fall by powers of ten
  map.scale_maximum = 0;
  map.cell_height = 18;
  for (size_t first = 0; first < epochs; first += group) {
    map.column_names.push_back(HumanNumber(all[0].x[first], 9));
  }
  for (const Series& series : all) {
    map.row_names.push_back(series.name);
    std::vector<double>& row = map.values.emplace_back();
    for (size_t first = 0; first < epochs; first += group) {
      row.push_back(MeanOfFinite(series.y, first, std::min(first + group, epochs)));
      if (row.back() > map.scale_maximum) map.scale_maximum = row.back();
    }
    if (epochs > kMostLabelledEpochs) continue;
    std::vector<std::string>& labels = map.labels.emplace_back();
    for (double rate : row) labels.push_back(std::isfinite(rate) ? FlipPercent(rate) : "");
  }
  return map;
}

}  // namespace

Series SeriesOf(const std::vector<EpochRecord>& epochs, std::string name,
                double EpochRecord::*member) {
  Series series{std::move(name), {}, {}};
  for (const EpochRecord& epoch : epochs) {
    series.x.push_back(static_cast<double>(epoch.epoch));
    series.y.push_back(epoch.*member);
  }
  return series;
}

std::string CurveCard(LineChart chart, std::vector<Series> series) {
  for (Series& one : series) {
    if (HasNumber(one)) chart.series.push_back(std::move(one));
  }
  if (chart.series.empty()) return "";
  chart.x_label = "epoch";
  chart.whole_x = true;
  return "<div class=\"card\">" + Draw(chart).Inline() + "</div>\n";
}

std::string CurvesPart(const RunReport& report) {
  if (report.epochs.empty()) return "";
  if (report.epochs.size() == 1) return HtmlSection("Training", EpochTable(report, /*open=*/true));
  std::string cards =
      CurveCard(Titled("Loss", 300), {SeriesOf(report.epochs, "train", &EpochRecord::train_loss),
                                      SeriesOf(report.epochs, "test", &EpochRecord::test_loss)});
  LineChart accuracy = Titled("Accuracy", 300);
  accuracy.percent = true;
  cards += CurveCard(accuracy, {SeriesOf(report.epochs, "train", &EpochRecord::train_accuracy),
                                SeriesOf(report.epochs, "test", &EpochRecord::test_accuracy)});
  LineChart precisions = Titled("Test accuracy by precision", 300);
  precisions.percent = true;
  cards += CurveCard(precisions, SeriesByKey(report, &EpochRecord::accuracies));
  LineChart rate = Titled("Learning rate", 210);
  rate.from_zero = true;
  cards += CurveCard(rate, {SeriesOf(report.epochs, "learning rate", &EpochRecord::learning_rate)});
  LineChart speed = Titled("Images a second", 210);
  speed.from_zero = true;
  cards += CurveCard(speed, {SeriesOf(report.epochs, "images/s", &EpochRecord::images_per_second)});
  if (cards.empty()) return "";
  return HtmlSection("Training", "<div class=\"pair\">\n" + cards + "</div>\n" +
                                     EpochTable(report, /*open=*/false));
}

std::string FlipRatesPart(const RunReport& report) {
  const std::vector<Series> all = SeriesByKey(report, &EpochRecord::flip_rates);
  if (all.empty()) return "";
  const std::string note =
      "<p class=\"note\">The share of a layer's binary weights that changed sign in an epoch. "
      "It falls as training settles.</p>\n";
  if (report.epochs.size() == 1) {
    NamesAndValues rates;
    for (const Series& series : all) rates.emplace_back(series.name, FlipPercent(series.y[0]));
    return HtmlSection("Flip rates", note + NameValueList(rates, 0));
  }
  if (all.size() > kMostFlipLines) {
    return HtmlSection("Flip rates", note + "<div class=\"card wide\">" +
                                         Draw(FlipMap(all)).Inline() + "</div>\n");
  }
  LineChart chart = Titled("Flip rate by layer", 300);
  chart.width = 1096;
  chart.percent = true;
  chart.y_scale = SpansDecades(all) ? Scale::kLog : Scale::kLinear;
  chart.from_zero = true;
  return HtmlSection("Flip rates", note + CurveCard(chart, all));
}

}  // namespace signum::report
