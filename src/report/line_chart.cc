#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "report/chart.h"
#include "report/text.h"

namespace signum::report {
namespace {

constexpr double kTickFont = 11;
constexpr double kNameFont = 12;
constexpr double kLegendRow = 18;
constexpr double kSwatch = 16;
constexpr double kRightMargin = 16;
constexpr double kLeastSpan = 0.02;  // of the y axis, as a share of its greatest value
constexpr size_t kMostMarkers = 24;  // points a line may have to show each as a dot
constexpr size_t kLongestName = 56;  // columns, in the legend

struct Range {
  double low = 0;
  double high = 1;
  // In halves, because high - low may be more than a double holds.
  double At(double value) const { return (value / 2 - low / 2) / (high / 2 - low / 2); }
};

struct Axis {
  Range range;  // of log10 where logarithmic
  std::vector<double> ticks;
  bool logarithmic = false;

  double At(double value) const { return range.At(logarithmic ? std::log10(value) : value); }
};

std::string ColorClass(const char* kind, size_t series) {
  return fmt::format("{}-{}", kind, series % kSeriesColors);
}

// The least and greatest finite value of one coordinate of all points shown.
Range Extent(const LineChart& chart, std::vector<double> Series::*coordinate) {
  Range range{INFINITY, -INFINITY};
  for (const Series& series : chart.series) {
    for (size_t i = 0; i < series.x.size(); ++i) {
      if (!std::isfinite(series.x[i]) || !std::isfinite(series.y[i])) continue;
      range.low = std::min(range.low, (series.*coordinate)[i]);
      range.high = std::max(range.high, (series.*coordinate)[i]);
    }
  }
  return range.low <= range.high ? range : Range{};
}

Axis LogAxis(const Range& extent) {
  Axis axis;
  axis.logarithmic = true;
  const double low = std::floor(std::log10(extent.low) + 1e-9);
  const double high = std::max(low + 1, std::ceil(std::log10(extent.high) - 1e-9));
  axis.range = {low, high};
  const double step = std::ceil((high - low) / 6);
  for (double decade = low; decade <= high; decade += step) {
    axis.ticks.push_back(std::pow(10.0, decade));
  }
  return axis;
}

Axis YAxis(const LineChart& chart) {
  Range extent = Extent(chart, &Series::y);
  if (chart.y_scale == Scale::kLog && extent.low > 0) return LogAxis(extent);
  if (chart.from_zero) extent.low = std::min(0.0, extent.low);
  if (chart.from_zero && extent.high == 0 && extent.low == 0)
    extent.high = chart.percent ? 0.01 : 1;
  if (chart.percent && extent.low == extent.high) {
    // Shares stay within 0 and 1 also where there is but one.
    extent = {std::max(0.0, extent.low - 0.05), std::min(1.0, extent.high + 0.05)};
  }
  // Noise of a thousandth must not fill the picture.
  const double missing = kLeastSpan * std::abs(extent.high) - (extent.high - extent.low);
  if (missing > 0 && extent.low < extent.high) {
    extent.low -= missing / 2;
    extent.high += missing / 2;
  }
  if (chart.percent && extent.high > 1 && Extent(chart, &Series::y).high <= 1) extent.high = 1;
  Axis axis;
  axis.ticks = NiceTicks(extent.low, extent.high, 5);
  axis.range = {axis.ticks.front(), axis.ticks.back()};
  return axis;
}

// The x axis ends where the data does, so only the ticks within are kept.
Axis XAxis(const LineChart& chart) {
  Axis axis;
  axis.range = Extent(chart, &Series::x);
  if (axis.range.low == axis.range.high) {
    axis.range.low -= 0.5;
    axis.range.high += 0.5;
  }
  const double slack = (axis.range.high - axis.range.low) * 1e-6;
  for (double tick : NiceTicks(axis.range.low, axis.range.high, 8, chart.whole_x)) {
    if (tick >= axis.range.low - slack && tick <= axis.range.high + slack) {
      axis.ticks.push_back(tick);
    }
  }
  return axis;
}

std::string TickText(double tick, bool percent) {
  if (percent) return HumanNumber(tick * 100, 5) + "%";
  const bool whole = std::abs(tick) >= 1000 && std::abs(tick) < 1e6 && tick == std::round(tick);
  return whole ? HumanCount(static_cast<int64_t>(tick)) : HumanNumber(tick, 5);
}

// Where the curves go, within the picture.
struct Plot {
  double left, top, right, bottom;
  Axis x, y;

  Svg::Point At(double x_value, double y_value) const {
    return {left + x.At(x_value) * (right - left), bottom - y.At(y_value) * (bottom - top)};
  }
};

std::string LegendName(const Series& series) {
  return FitWidth(series.name, static_cast<int>(kLongestName));
}

double LegendItemWidth(const Series& series) {
  return kSwatch + 6 + TextWidth(LegendName(series), kNameFont) + 16;
}

// Draws the legend from (0, top) rightwards, in as many rows as it needs, and
// returns its height; draws nothing where `svg` is null.
double Legend(const LineChart& chart, double top, Svg* svg) {
  if (chart.series.size() < 2) return 0;
  double x = 0;
  double y = top;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const double width = LegendItemWidth(chart.series[i]);
    if (x > 0 && x + width > chart.width) {
      x = 0;
      y += kLegendRow;
    }
    if (svg != nullptr) {
      svg->Rect({x, y + 5}, kSwatch, 4, ColorClass("fill", i));
      svg->Text({x + kSwatch + 6, y + 11}, LegendName(chart.series[i]), "name");
    }
    x += width;
  }
  return y - top + kLegendRow + 4;
}

void DrawAxes(const LineChart& chart, const Plot& plot, Svg& svg) {
  for (double tick : plot.y.ticks) {
    const double y = plot.At(plot.x.range.low, tick).y;
    svg.Line({plot.left, y}, {plot.right, y}, "grid");
    svg.Text({plot.left - 6, y + 4}, TickText(tick, chart.percent), "tick", "end");
  }
  svg.Line({plot.left, plot.bottom}, {plot.right, plot.bottom}, "axis");
  for (double tick : plot.x.ticks) {
    const double x = plot.left + plot.x.At(tick) * (plot.right - plot.left);
    svg.Line({x, plot.bottom}, {x, plot.bottom + 4}, "axis");
    svg.Text({x, plot.bottom + 16}, TickText(tick, false), "tick", "middle");
  }
  if (!chart.x_label.empty()) {
    svg.Text({(plot.left + plot.right) / 2, chart.height - 4}, chart.x_label, "tick", "middle");
  }
  if (!chart.y_label.empty()) {
    svg.TextUpwards({10, (plot.top + plot.bottom) / 2}, chart.y_label, "tick");
  }
}

void DrawSeries(const Series& series, size_t index, const Plot& plot, Svg& svg) {
  const bool markers = series.x.size() <= kMostMarkers;
  std::vector<Svg::Point> run;
  const auto end_run = [&] {
    if (run.size() > 1) svg.Polyline(run, ColorClass("line", index));
    // A point between two gaps would not be seen as a line.
    if (markers || run.size() == 1) {
      for (const Svg::Point& point : run) svg.Circle(point, 3, ColorClass("fill", index));
    }
    run.clear();
  };
  for (size_t i = 0; i < series.x.size(); ++i) {
    if (std::isfinite(series.x[i]) && std::isfinite(series.y[i])) {
      run.push_back(plot.At(series.x[i], series.y[i]));
    } else {
      end_run();
    }
  }
  end_run();
}

}  // namespace

Svg Draw(const LineChart& chart) {
  for (const Series& series : chart.series) SIGNUM_CHECK(series.x.size() == series.y.size());
  Plot plot;
  plot.x = XAxis(chart);
  plot.y = YAxis(chart);
  double tick_width = 0;
  for (double tick : plot.y.ticks) {
    tick_width = std::max(tick_width, TextWidth(TickText(tick, chart.percent), kTickFont));
  }
  const double title_height = chart.title.empty() ? 6 : 26;
  plot.left = tick_width + 10 + (chart.y_label.empty() ? 0 : 16);
  plot.right = chart.width - kRightMargin;
  plot.top = title_height + Legend(chart, title_height, nullptr) + 6;
  plot.bottom = chart.height - (chart.x_label.empty() ? 22 : 38);

  Svg svg(chart.width, chart.height, chart.title);
  if (!chart.title.empty()) svg.Text({0, 14}, chart.title, "title");
  Legend(chart, title_height, &svg);
  DrawAxes(chart, plot, svg);
  for (size_t i = 0; i < chart.series.size(); ++i) DrawSeries(chart.series[i], i, plot, svg);
  return svg;
}

}  // namespace signum::report
