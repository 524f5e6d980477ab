#include "report/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/chart.h"
#include "report/html.h"
#include "report/run_report_parts.h"
#include "report/text.h"

namespace signum::report {
namespace {

constexpr size_t kTiles = 4;         // results shown large
constexpr size_t kLongSetting = 40;  // characters, from which a name and value get a whole row

std::string Tiles(const NamesAndValues& results) {
  std::string body = "<div class=\"tiles\">\n";
  for (size_t i = 0; i < results.size() && i < kTiles; ++i) {
    body += fmt::format(
        "<div class=\"card tile\"><div class=\"name\">{}</div><div "
        "class=\"value\">{}</div></div>\n",
        EscapeMarkup(results[i].first), EscapeMarkup(results[i].second));
  }
  return body + "</div>\n";
}

}  // namespace

std::string NameValueList(const NamesAndValues& pairs, size_t first) {
  if (first >= pairs.size()) return "";
  std::string body = "<div class=\"card\"><dl>\n";
  for (size_t i = first; i < pairs.size(); ++i) {
    const size_t width = pairs[i].first.size() + pairs[i].second.size();
    body += fmt::format("<div{}><dt>{}</dt><dd>{}</dd></div>\n",
                        width > kLongSetting ? " class=\"long\"" : "", EscapeMarkup(pairs[i].first),
                        EscapeMarkup(pairs[i].second));
  }
  return body + "</dl></div>\n";
}

namespace {

std::string ResultsPart(const RunReport& report) {
  if (report.results.empty()) return "";
  return Tiles(report.results) + NameValueList(report.results, kTiles);
}

std::string SettingsPart(const RunReport& report) {
  if (report.settings.empty()) return "";
  return HtmlSection("Settings", NameValueList(report.settings, 0));
}

std::string SamplesPart(const RunReport& report) {
  if (report.samples.empty()) return "";
  std::string body = "<div class=\"samples\">\n";
  for (const SamplePrediction& sample : report.samples) {
    const bool right = sample.predicted == sample.truth;
    // The mark and the word tell right from wrong also without colour.
    body += fmt::format(
        "<figure{}><img alt=\"{}\" src=\"data:image/png;base64,{}\">"
        "<figcaption><b>{} {}</b><span>{}{}</span></figcaption></figure>\n",
        right ? "" : " class=\"wrong\"", EscapeMarkup(sample.truth), Base64(sample.png),
        right ? "&#10003;" : "&#10007;", EscapeMarkup(sample.predicted),
        HumanPercent(sample.probability), right ? "" : "<br>is " + EscapeMarkup(sample.truth));
  }
  return HtmlSection("Sample predictions", body + "</div>\n");
}

bool IsDrawable(const LayerHistogram& histogram) {
  const size_t edges = histogram.edges.size();
  const auto fits = [&](const std::vector<int64_t>& counts) {
    return counts.empty() || counts.size() + 1 == edges;
  };
  return edges >= 2 && fits(histogram.before) && fits(histogram.after) &&
         !(histogram.before.empty() && histogram.after.empty()) &&
         std::is_sorted(histogram.edges.begin(), histogram.edges.end()) &&
         std::all_of(histogram.edges.begin(), histogram.edges.end(),
                     [](float edge) { return std::isfinite(edge); });
}

std::string HistogramsPart(const RunReport& report) {
  std::string body;
  for (const LayerHistogram& histogram : report.histograms) {
    if (!IsDrawable(histogram)) continue;
    HistogramChart chart;
    chart.title = histogram.layer;
    chart.edges = histogram.edges;
    const bool both = !histogram.before.empty() && !histogram.after.empty();
    if (!histogram.before.empty()) {
      chart.panels.push_back({both ? "before quantization" : "weights", histogram.before});
    }
    if (!histogram.after.empty()) chart.panels.push_back({"after quantization", histogram.after});
    body += "<div class=\"card\">" + Draw(chart).Inline() + "</div>\n";
  }
  if (body.empty()) return "";
  return HtmlSection("Weights", "<div class=\"small\">\n" + body + "</div>\n");
}

}  // namespace

std::string RenderRunReport(const RunReport& report) {
  return HtmlPage(report.title, ResultsPart(report) + CurvesPart(report) + FlipRatesPart(report) +
                                    HistogramsPart(report) + SamplesPart(report) +
                                    ConfusionPart(report) + SettingsPart(report));
}

}  // namespace signum::report
