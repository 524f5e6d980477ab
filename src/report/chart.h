// Charts as pictures: line charts, histograms and heat maps. Knows numbers, names
// and axes; what they measure is the caller's business. Colours are Okabe and Ito's
// (2008), which readers with any colour vision tell apart.
#ifndef SIGNUM_REPORT_CHART_H_
#define SIGNUM_REPORT_CHART_H_

#include <cstdint>
#include <string>
#include <vector>

#include "report/svg.h"

namespace signum::report {

// Round numbers (1, 2 or 5 times a power of ten) that cover [low, high] with
// about `wanted` steps: the first is at or below low, the last at or above high.
// Not finite or equal bounds are widened. With `whole`, steps are at least 1.
std::vector<double> NiceTicks(double low, double high, int wanted, bool whole = false);

enum class Scale { kLinear, kLog };  // kLog falls back to kLinear where a value is not positive

struct Series {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;  // as many as x; a value that is not finite is a gap
};

struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;  // the legend is shown where there are several
  bool percent = false;        // y holds shares, shown as percentages
  bool whole_x = false;        // x counts something: ticks at whole numbers only
  bool from_zero = false;      // the y axis starts at 0
  Scale y_scale = Scale::kLinear;
  double width = 540;
  double height = 300;
};
Svg Draw(const LineChart& chart);

// Bars of counts over bins; bin i is [edges[i], edges[i + 1]).
struct HistogramChart {
  struct Panel {
    std::string label;            // "before"
    std::vector<int64_t> counts;  // one less than the edges
  };
  std::string title;
  std::vector<float> edges;
  std::vector<Panel> panels;  // under one another, each with its own scale of counts
  double width = 260;
  double panel_height = 84;
};
Svg Draw(const HistogramChart& chart);

// Values as the strength of one colour. Colour follows values / scale_maximum to
// the power of `gamma`; below 1 it shows small values better.
struct HeatMap {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<std::string> row_names;
  std::vector<std::string> column_names;         // shown every few columns where crowded
  std::vector<std::vector<double>> values;       // [row][column]; not finite is an empty cell
  std::vector<std::vector<std::string>> labels;  // in the cells; empty for none
  double scale_maximum = 1;
  double gamma = 1;
  bool percent = false;  // values are shares, in the key and in tooltips
  double width = 1096;
  double cell_height = 22;
  double maximum_cell_width = 64;
};
Svg Draw(const HeatMap& chart);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_CHART_H_
