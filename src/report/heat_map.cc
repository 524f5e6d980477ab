#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "report/chart.h"
#include "report/text.h"

namespace signum::report {
namespace {

constexpr double kCellFont = 11;
constexpr int kLongestLabel = 26;       // columns of a row's name
constexpr int kLongestUpright = 14;     // columns of a column's name where it reads upwards
constexpr double kUprightMinimum = 13;  // pixels of a column that has room for such a name
constexpr double kHeatTitleHeight = 30;
constexpr double kFaintest = 0.04;   // opacity of zero: an empty cell is a cell still
constexpr double kTextFlips = 0.65;  // opacity above which text takes the other colour
constexpr double kLineHeight = 12;   // pixels a line of names needs
constexpr int kKeySteps = 24;
constexpr size_t kManyCells = 2500;  // beyond this, cells of zero share one background

enum class ColumnNames { kNone, kAll, kUpright, kSome };

struct Layout {
  double left, top, cell_width, cell_height, names_height;
  size_t rows, columns;
  ColumnNames column_names;

  double right() const { return left + cell_width * static_cast<double>(columns); }
  double bottom() const { return top + cell_height * static_cast<double>(rows); }
};

double LongestName(const std::vector<std::string>& names, int columns) {
  double longest = 0;
  for (const std::string& name : names) {
    longest = std::max(longest, TextWidth(FitWidth(name, columns), kCellFont));
  }
  return longest;
}

Layout Arrange(const HeatMap& chart) {
  Layout layout{};
  layout.rows = chart.values.size();
  layout.columns = layout.rows == 0 ? 0 : chart.values[0].size();
  layout.left = LongestName(chart.row_names, kLongestLabel) + 8 + (chart.y_label.empty() ? 0 : 18);
  layout.top = kHeatTitleHeight;
  layout.cell_height = chart.cell_height;
  const auto columns = static_cast<double>(std::max<size_t>(1, layout.columns));
  layout.cell_width = std::min(chart.maximum_cell_width, (chart.width - layout.left - 2) / columns);
  const double longest = LongestName(chart.column_names, kLongestLabel);
  layout.names_height = 18;
  if (chart.column_names.empty()) {
    layout.column_names = ColumnNames::kNone;
    layout.names_height = 4;
  } else if (longest + 4 <= layout.cell_width) {
    layout.column_names = ColumnNames::kAll;
  } else if (layout.cell_width >= kUprightMinimum && longest > 30) {
    layout.column_names = ColumnNames::kUpright;
    layout.names_height = LongestName(chart.column_names, kLongestUpright) + 10;
  } else {
    layout.column_names = ColumnNames::kSome;
  }
  return layout;
}

double Opacity(const HeatMap& chart, double value) {
  const double share = chart.scale_maximum > 0 ? value / chart.scale_maximum : 0;
  return kFaintest + (1 - kFaintest) * std::pow(std::clamp(share, 0.0, 1.0), chart.gamma);
}

std::string ValueText(const HeatMap& chart, double value) {
  return chart.percent ? HumanNumber(value * 100, 3) + " %" : HumanNumber(value, 4);
}

std::string NameAt(const std::vector<std::string>& names, size_t i) {
  return i < names.size() ? names[i] : std::to_string(i);
}

void DrawCells(const HeatMap& chart, const Layout& layout, Svg& svg) {
  const bool labels = !chart.labels.empty() && layout.cell_height >= kLineHeight;
  const double gap = layout.cell_width >= 8 ? 1 : 0;
  const bool many = layout.rows * layout.columns > kManyCells;
  if (many) {
    svg.Rect({layout.left, layout.top}, layout.right() - layout.left, layout.bottom() - layout.top,
             "heat", kFaintest);
  }
  for (size_t row = 0; row < layout.rows; ++row) {
    const double y = layout.top + static_cast<double>(row) * layout.cell_height;
    for (size_t column = 0; column < layout.columns; ++column) {
      const double x = layout.left + static_cast<double>(column) * layout.cell_width;
      const double value = chart.values[row][column];
      if (!std::isfinite(value) || (many && value == 0)) continue;
      const std::string label = labels ? chart.labels[row][column] : "";
      const std::string tooltip = fmt::format(
          "{}, {}: {}{}", NameAt(chart.row_names, row), NameAt(chart.column_names, column),
          label.empty() ? "" : label + ", ", ValueText(chart, value));
      const double opacity = Opacity(chart, value);
      svg.Rect({x, y}, layout.cell_width - gap, layout.cell_height - 1, "heat", opacity, tooltip);
      if (label.empty() || TextWidth(label, kCellFont) + 2 > layout.cell_width) continue;
      svg.Text({x + (layout.cell_width - gap) / 2, y + layout.cell_height / 2 + 3.5}, label,
               opacity > kTextFlips ? "cell-on" : "cell", "middle", tooltip);
    }
  }
}

// Names stand at every nth place, n of the kind 1, 2, 5, 10, so that `step` pixels a
// place give each `room`.
size_t NameStride(double room, double step) {
  const double least = room / std::max(step, 0.1);
  for (double decade = 1;; decade *= 10) {
    for (double factor : {1.0, 2.0, 5.0}) {
      if (factor * decade >= least) return static_cast<size_t>(factor * decade);
    }
  }
}

void DrawRowNames(const HeatMap& chart, const Layout& layout, Svg& svg) {
  const size_t stride = NameStride(kLineHeight, layout.cell_height);
  for (size_t i = 0; i < chart.row_names.size() && i < layout.rows; i += stride) {
    const double y = layout.top + (static_cast<double>(i) + 0.5) * layout.cell_height + 3.5;
    const std::string& name = chart.row_names[i];
    svg.Text({layout.left - 6, y}, FitWidth(name, kLongestLabel), "tick", "end", name);
  }
  if (!chart.y_label.empty()) {
    svg.TextUpwards({10, (layout.top + layout.bottom()) / 2}, chart.y_label, "tick");
  }
}

void DrawColumnNames(const HeatMap& chart, const Layout& layout, Svg& svg) {
  const bool some = layout.column_names == ColumnNames::kSome;
  const double room = LongestName(chart.column_names, kLongestLabel) + 12;
  const size_t stride = some ? NameStride(room, layout.cell_width) : 1;
  for (size_t i = 0; i < chart.column_names.size() && i < layout.columns; i += stride) {
    const double x = layout.left + (static_cast<double>(i) + 0.5) * layout.cell_width;
    const std::string& name = chart.column_names[i];
    if (layout.column_names == ColumnNames::kUpright) {
      svg.TextUpwards({x + 3.5, layout.bottom() + 6}, FitWidth(name, kLongestUpright), "tick",
                      "end");
    } else {
      svg.Text({x, layout.bottom() + 14}, FitWidth(name, kLongestLabel), "tick", "middle");
    }
  }
  if (!chart.x_label.empty()) {
    svg.Text({(layout.left + layout.right()) / 2, layout.bottom() + layout.names_height + 14},
             chart.x_label, "tick", "middle");
  }
}

// "0 [faint ... strong] 12 %", right of the title.
void DrawKey(const HeatMap& chart, double right, Svg& svg) {
  const std::string most = ValueText(chart, chart.scale_maximum);
  const double step = 4;
  const double end = right - TextWidth(most, kCellFont) - 6;
  const double start = end - step * kKeySteps;
  svg.Text({start - 6, 15}, chart.percent ? "0 %" : "0", "tick", "end");
  for (int i = 0; i < kKeySteps; ++i) {
    const double value = chart.scale_maximum * i / (kKeySteps - 1);
    svg.Rect({start + i * step, 6}, step, 11, "heat", Opacity(chart, value));
  }
  svg.Text({end + 6, 15}, most, "tick");
}

}  // namespace

Svg Draw(const HeatMap& chart) {
  for (const auto& row : chart.values) SIGNUM_CHECK(row.size() == chart.values[0].size());
  SIGNUM_CHECK(chart.labels.empty() || chart.labels.size() == chart.values.size());
  const Layout layout = Arrange(chart);
  // The title and the key need room beside each other also over few cells.
  const double head = TextWidth(chart.title, 13) + 220;
  const double width = std::min(chart.width, std::max(layout.right() + 2, head));
  const double height = layout.bottom() + layout.names_height + (chart.x_label.empty() ? 2 : 20);
  Svg svg(width, height, chart.title);
  svg.Text({0, 14}, chart.title, "title");
  DrawKey(chart, width - 2, svg);
  DrawRowNames(chart, layout, svg);
  DrawCells(chart, layout, svg);
  DrawColumnNames(chart, layout, svg);
  return svg;
}

}  // namespace signum::report
