#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "report/chart.h"
#include "report/text.h"

namespace signum::report {
namespace {

constexpr double kTitleHeight = 24;
constexpr double kPanelGap = 8;
constexpr double kAxisHeight = 20;
constexpr double kLabelHeight = 16;  // above the bars of a panel
constexpr double kFont = 11;

// Where a value lies between the first edge and the last, in pixels.
double XOf(const HistogramChart& chart, double value) {
  const double low = chart.edges.front();
  const double high = chart.edges.back();
  return high > low ? (value - low) / (high - low) * chart.width : 0;
}

void DrawPanel(const HistogramChart& chart, size_t index, double top, Svg& svg) {
  const HistogramChart::Panel& panel = chart.panels[index];
  const double bottom = top + chart.panel_height;
  const double room = chart.panel_height - kLabelHeight;
  const int64_t most = *std::max_element(panel.counts.begin(), panel.counts.end());
  for (size_t i = 0; i < panel.counts.size(); ++i) {
    if (panel.counts[i] <= 0) continue;
    const double left = XOf(chart, chart.edges[i]);
    const double full = XOf(chart, chart.edges[i + 1]) - left;
    const double gap = full > 3 ? 0.6 : 0;
    // A bin with but one weight must still be seen, and a spike have a width.
    const double height =
        std::max(1.0, room * static_cast<double>(panel.counts[i]) / static_cast<double>(most));
    svg.Rect({left + gap / 2, bottom - height}, std::max(0.6, full - gap), height,
             fmt::format("fill-{}", index % kSeriesColors), 1,
             fmt::format("{} to {}: {}", HumanNumber(chart.edges[i], 3),
                         HumanNumber(chart.edges[i + 1], 3), HumanCount(panel.counts[i])));
  }
  if (chart.edges.front() < 0 && chart.edges.back() > 0) {
    svg.Line({XOf(chart, 0), top + kLabelHeight}, {XOf(chart, 0), bottom}, "zero");
  }
  svg.Line({0, bottom}, {chart.width, bottom}, "axis");
  svg.Text({0, top + 10}, panel.label, "tick");
  svg.Text({chart.width, top + 10}, "most " + HumanCount(most), "tick", "end");
}

}  // namespace

Svg Draw(const HistogramChart& chart) {
  SIGNUM_CHECK(chart.edges.size() >= 2);
  const auto panels = static_cast<double>(chart.panels.size());
  const double height =
      kTitleHeight + panels * (chart.panel_height + kPanelGap) - kPanelGap + kAxisHeight;
  Svg svg(chart.width, height, chart.title);
  const int columns = static_cast<int>(chart.width / TextWidth("x", 13));
  svg.Text({0, 14}, FitWidth(chart.title, columns), "title", "start", chart.title);
  double top = kTitleHeight;
  for (size_t i = 0; i < chart.panels.size(); ++i) {
    SIGNUM_CHECK(chart.panels[i].counts.size() + 1 == chart.edges.size());
    DrawPanel(chart, i, top, svg);
    top += chart.panel_height + kPanelGap;
  }
  double used = -1;  // labels that would run into the one before are left out
  for (double tick : NiceTicks(chart.edges.front(), chart.edges.back(), 4)) {
    const std::string text = HumanNumber(tick, 4);
    const double half = TextWidth(text, kFont) / 2;
    const double x = XOf(chart, tick);
    if (x - half < used || x + half > chart.width + 1) continue;
    svg.Text({x, height - 4}, text, "tick", "middle");
    used = x + half + 6;
  }
  return svg;
}

}  // namespace signum::report
