#include "report/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <limits>

namespace signum::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

TEST(NiceTicks, AreRoundAndCover) {
  EXPECT_THAT(NiceTicks(0, 10, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(NiceTicks(1.83, 2.28, 5), testing::SizeIs(testing::Ge(5)));
  EXPECT_THAT(NiceTicks(1, 3, 8, /*whole=*/true), ElementsAre(1, 2, 3));
  for (double low : {-7.3, 0.0, 1e-12, 123456.0}) {
    for (double span : {1e-9, 0.37, 5.0, 1e12}) {
      const std::vector<double> ticks = NiceTicks(low, low + span, 5);
      const double slack = span * 1e-2;
      EXPECT_LE(ticks.front(), low + slack);
      EXPECT_GE(ticks.back(), low + span - slack);
      EXPECT_LE(ticks.size(), 20u);
    }
  }
}

TEST(NiceTicks, SurviveAnyBounds) {
  constexpr double kMost = std::numeric_limits<double>::max();
  for (double low : std::initializer_list<double>{NAN, -INFINITY, -kMost, 1e16, 5e-324}) {
    for (double high : std::initializer_list<double>{NAN, INFINITY, kMost, 1e16 + 2, 5e-324, 0.0}) {
      const std::vector<double> ticks = NiceTicks(low, high, 5);
      EXPECT_GE(ticks.size(), 2u);
      EXPECT_LE(ticks.size(), 101u);
    }
  }
}

TEST(EscapeMarkup, LeavesNothingThatActs) {
  EXPECT_EQ(EscapeMarkup("<a href=\"x\" b='y'>&"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
  EXPECT_EQ(EscapeMarkup("Größe 日本 😀\n"), "Größe 日本 😀\n");
}

TEST(EscapeMarkup, ReplacesWhatXmlForbids) {
  const std::string replacement = "\xef\xbf\xbd";
  EXPECT_EQ(EscapeMarkup(std::string_view("a\0b", 3)), "a" + replacement + "b");
  EXPECT_EQ(EscapeMarkup("\x1b"), replacement);
  EXPECT_EQ(EscapeMarkup("\xff<"), replacement + "&lt;");
  EXPECT_EQ(EscapeMarkup("\xc3"), replacement) << "a sequence cut short";
  EXPECT_EQ(EscapeMarkup("\xc0\xaf"), replacement + replacement) << "overlong";
  EXPECT_EQ(EscapeMarkup("\xed\xa0\x80"), replacement + replacement + replacement) << "surrogate";
}

LineChart Accuracy() {
  LineChart chart;
  chart.title = "Accuracy";
  chart.percent = true;
  chart.whole_x = true;
  chart.series = {{"train <1>", {1, 2, 3}, {0.5, 0.7, 0.8}}, {"test", {1, 2, 3}, {0.4, 0.6, 0.9}}};
  return chart;
}

TEST(LineChart, DrawsSeriesTicksAndLegend) {
  const std::string svg = Draw(Accuracy()).Inline();
  EXPECT_EQ(Count(svg, "<polyline"), 2u);
  EXPECT_THAT(svg, HasSubstr(">90%<"));
  EXPECT_THAT(svg, HasSubstr("train &lt;1&gt;"));
  EXPECT_THAT(svg, Not(HasSubstr("<style")));
}

TEST(LineChart, GapsBreakLinesAndLonePointsAreSeen) {
  LineChart chart = Accuracy();
  chart.series = {{"loss", {1, 2, 3, 4, 5}, {1, 2, NAN, 3, INFINITY}}};
  const std::string svg = Draw(chart).Inline();
  EXPECT_EQ(Count(svg, "<polyline"), 1u);
  EXPECT_EQ(Count(svg, "<circle"), 3u);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(LineChart, OnePointAndNoPointAreDrawn) {
  LineChart chart = Accuracy();
  chart.series = {{"loss", {1}, {2.5}}};
  EXPECT_EQ(Count(Draw(chart).Inline(), "<circle"), 1u);
  const double most = std::numeric_limits<double>::max();
  chart.series = {{"loss", {1, 2}, {-most, most}}};
  EXPECT_THAT(Draw(chart).Inline(), Not(HasSubstr("nan")));
  chart.series = {{"loss", {1}, {NAN}}, {"empty", {}, {}}};
  EXPECT_THAT(Draw(chart).Inline(), Not(HasSubstr("nan")));
}

TEST(LineChart, LogScaleNeedsPositiveValues) {
  LineChart chart;
  chart.y_scale = Scale::kLog;
  chart.series = {{"rate", {1, 2, 3}, {0.1, 0.01, 0.001}}};
  EXPECT_THAT(Draw(chart).Inline(), HasSubstr(">0.01<"));
  chart.series[0].y[1] = 0;
  EXPECT_THAT(Draw(chart).Inline(), HasSubstr(">0.04<"));
}

TEST(LineChart, SharesStayWithinOne) {
  LineChart chart = Accuracy();
  chart.series = {{"test", {1, 2}, {1, 1}}};
  EXPECT_THAT(Draw(chart).Inline(), Not(HasSubstr(">101%<")));
  chart.series = {{"test", {1, 2}, {0.9999, 1}}};
  EXPECT_THAT(Draw(chart).Inline(), Not(HasSubstr(">101%<")));
}

TEST(HistogramChart, DrawsABarForEachBinThatIsNotEmpty) {
  HistogramChart chart;
  chart.title = "conv1";
  chart.edges = {-1, 0, 1, 2};
  chart.panels = {{"before", {5, 0, 1}}, {"after", {0, 0, 0}}};
  const std::string svg = Draw(chart).Inline();
  EXPECT_EQ(Count(svg, "<rect"), 2u);
  EXPECT_THAT(svg, HasSubstr("-1 to 0: 5"));
}

TEST(HistogramChart, OneValueOnlyIsDrawn) {
  HistogramChart chart;
  chart.edges = {0.5f, 0.5f};
  chart.panels = {{"weights", {9}}};
  EXPECT_THAT(Draw(chart).Inline(), Not(HasSubstr("nan")));
}

HeatMap Square(size_t size) {
  HeatMap map;
  map.title = "confusion";
  for (size_t i = 0; i < size; ++i) {
    map.row_names.push_back("class <" + std::to_string(i) + ">");
    map.values.emplace_back(size, 0.0);
    map.values[i][i] = 1;
    map.labels.emplace_back(size, "");
    map.labels[i][i] = "1,000";
  }
  map.column_names = map.row_names;
  return map;
}

TEST(HeatMap, DrawsCellsWithLabels) {
  const std::string svg = Draw(Square(10)).Inline();
  EXPECT_EQ(Count(svg, "<rect"), 100u + 24u);  // cells and the key
  EXPECT_EQ(Count(svg, "cell-on"), 10u);
  EXPECT_THAT(svg, Not(HasSubstr("<9>")));
}

TEST(HeatMap, LeavesOutWhatDoesNotFit) {
  HeatMap map = Square(100);
  map.cell_height = 8;
  const std::string svg = Draw(map).Inline();
  EXPECT_EQ(Count(svg, "cell-on"), 0u);
  EXPECT_EQ(Count(svg, "<rect"), 100u + 1u + 24u) << "cells of zero share one background";
}

TEST(HeatMap, SurvivesNothing) {
  EXPECT_THAT(Draw(HeatMap{}).Inline(), HasSubstr("<svg"));
  HeatMap map = Square(2);
  map.values[0][0] = NAN;
  map.scale_maximum = 0;
  EXPECT_THAT(Draw(map).Inline(), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace signum::report
