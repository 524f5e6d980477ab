#include "report/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "report/table.h"

namespace signum::report {
namespace {

TEST(HumanBytes, UsesDecimalUnits) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(1000), "1.0 KB");
  EXPECT_EQ(HumanBytes(1'100'000), "1.1 MB");
  EXPECT_EQ(HumanBytes(9'949'999), "9.9 MB");
  EXPECT_EQ(HumanBytes(9'960'000), "10 MB");
  EXPECT_EQ(HumanBytes(999'400), "999 KB");
  EXPECT_EQ(HumanBytes(999'999), "1.0 MB");
  EXPECT_EQ(HumanBytes(-23'000), "-23 KB");
  EXPECT_EQ(HumanBytes(std::numeric_limits<int64_t>::max()), "9.2 EB");
  EXPECT_EQ(HumanBytes(std::numeric_limits<int64_t>::min()), "-9.2 EB");
}

TEST(HumanCount, SeparatesThousands) {
  EXPECT_EQ(HumanCount(0), "0");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(1000), "1,000");
  EXPECT_EQ(HumanCount(272474), "272,474");
  EXPECT_EQ(HumanCount(-100), "-100");
  EXPECT_EQ(HumanCount(-1234567), "-1,234,567");
  EXPECT_EQ(HumanCount(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(HumanDuration, RoundsToSeconds) {
  EXPECT_EQ(HumanDuration(0), "0:00");
  EXPECT_EQ(HumanDuration(125), "2:05");
  EXPECT_EQ(HumanDuration(59.6), "1:00");
  EXPECT_EQ(HumanDuration(5025), "1:23:45");
  EXPECT_EQ(HumanDuration(360000), "100:00:00");
  EXPECT_EQ(HumanDuration(-1), "-:--");
  EXPECT_EQ(HumanDuration(NAN), "-:--");
  EXPECT_EQ(HumanDuration(INFINITY), "-:--");
}

TEST(HumanNumber, KeepsWhatMatters) {
  EXPECT_EQ(HumanNumber(0), "0");
  EXPECT_EQ(HumanNumber(0.30000000000000004), "0.3");
  EXPECT_EQ(HumanNumber(0.001), "0.001");
  EXPECT_EQ(HumanNumber(2.27412), "2.274");
  EXPECT_EQ(HumanNumber(-12345.6), "-12346");
  EXPECT_EQ(HumanNumber(1e-5), "1e-5");
  EXPECT_EQ(HumanNumber(1.5e9), "1.5e9");
  EXPECT_EQ(HumanNumber(NAN), "nan");
  EXPECT_EQ(HumanNumber(-INFINITY), "-inf");
}

TEST(HumanPercent, TakesShares) {
  EXPECT_EQ(HumanPercent(0.8123), "81.2 %");
  EXPECT_EQ(HumanPercent(NAN), "n/a");
}

TEST(DisplayWidth, CountsCodePoints) {
  EXPECT_EQ(DisplayWidth("conv1"), 5);
  EXPECT_EQ(DisplayWidth("Größe"), 5);
  EXPECT_EQ(DisplayWidth("e\xcc\x81t\xc3\xa9"), 3);  // a combining accent, then a whole letter
}

TEST(FitWidth, CutsBetweenCodePoints) {
  EXPECT_EQ(FitWidth("short", 5), "short");
  EXPECT_EQ(FitWidth("stage1.block2", 10), "stage1....");
  EXPECT_EQ(FitWidth("äöüß", 2), "äö");
  EXPECT_EQ(FitWidth("a\nb\x1b[2J", 20), "a b [2J");
  EXPECT_EQ(FitWidth("anything", 0), "");
  EXPECT_EQ(FitWidth("anything", -3), "");
}

Table Layers() {
  Table table({{"layer"}, {"weights", true}});
  table.AddRow({"conv1", "150"});
  table.AddRow({"Größe", "2,400"});
  table.AddRule();
  table.AddRow({"sum"});
  return table;
}

TEST(Table, AlignsText) {
  EXPECT_EQ(Layers().ToText(),
            "layer  weights\n"
            "--------------\n"
            "conv1      150\n"
            "Größe    2,400\n"
            "--------------\n"
            "sum\n");
}

TEST(Table, WritesMarkdown) {
  Table table = Layers();
  table.AddRow({"a|b\nc", "1"});
  EXPECT_EQ(table.ToMarkdown(),
            "| layer | weights |\n"
            "| --- | ---: |\n"
            "| conv1 | 150 |\n"
            "| Größe | 2,400 |\n"
            "| sum |  |\n"
            "| a\\|b c | 1 |\n");
}

TEST(Table, WritesHtml) {
  Table table({{"layer"}, {"weights", true}});
  table.AddRow({"a<b", "1"});
  table.AddRule();
  EXPECT_EQ(table.ToHtml(),
            "<div class=\"card wide\"><table>\n"
            "<tr><th class=\"left\">layer</th><th>weights</th></tr>\n"
            "<tr><td class=\"left\">a&lt;b</td><td>1</td></tr>\n"
            "</table></div>\n");
}

TEST(Table, WithoutRowsShowsTitles) { EXPECT_EQ(Table({{"layer"}}).ToText(), "layer\n-----\n"); }

TEST(TableDeathTest, RefusesLongRows) {
  Table table({{"layer"}});
  EXPECT_DEATH(table.AddRow({"a", "b"}), "internal error");
}

}  // namespace
}  // namespace signum::report
