#include "report/run_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "report/comparison.h"
#include "report/html.h"

namespace signum::report {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

EpochRecord Epoch(int64_t epoch) {
  EpochRecord record;
  record.epoch = epoch;
  record.train_loss = 1.0 / static_cast<double>(epoch);
  record.train_accuracy = 0.5;
  record.test_loss = 0.1 + 0.2;  // has no short decimal form
  record.test_accuracy = 0.4;
  record.learning_rate = 1e-3;
  record.seconds = 12.5;
  record.images_per_second = 1012;
  return record;
}

std::string Many(size_t layers, int epochs) {
  RunReport report;
  report.title = "run";
  for (int i = 1; i <= epochs; ++i) {
    report.epochs.push_back(Epoch(i));
    for (size_t l = 0; l < layers; ++l) {
      report.epochs.back().flip_rates["layer" + std::to_string(l)] = 0.1 / i;
    }
  }
  return RenderRunReport(report);
}

TEST(EpochRecord, RoundTripsThroughJsonText) {
  EpochRecord record = Epoch(3);
  record.flip_rates = {{"conv1", 0.01}, {"a \"quoted\" layer", 1.0 / 3}};
  record.accuracies = {{1, 0.25}, {32, 0.5}};
  const Result<EpochRecord> back = EpochRecordFromJson(json::parse(ToJson(record).dump()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, record);
}

TEST(EpochRecord, NanIsNullInJson) {
  EpochRecord record = Epoch(3);
  record.train_loss = NAN;
  record.flip_rates = {{"conv1", INFINITY}};
  const json object = json::parse(ToJson(record).dump());
  EXPECT_TRUE(object["train_loss"].is_null());
  const Result<EpochRecord> back = EpochRecordFromJson(object);
  ASSERT_TRUE(back);
  EXPECT_TRUE(std::isnan(back->train_loss));
  EXPECT_TRUE(std::isnan(back->flip_rates.at("conv1")));
}

TEST(EpochRecord, NamesWhatIsWrong) {
  json object = ToJson(Epoch(1));
  object["later"] = "unknown keys are passed over";
  EXPECT_TRUE(EpochRecordFromJson(object));
  object["test_loss"] = "low";
  EXPECT_THAT(EpochRecordFromJson(object).error().message, HasSubstr("\"test_loss\""));
  object.erase("test_loss");
  EXPECT_THAT(EpochRecordFromJson(object).error().message, HasSubstr("lacks \"test_loss\""));
  EXPECT_FALSE(EpochRecordFromJson(json::array()));
  EXPECT_FALSE(EpochRecordFromJson({{"epoch", 1.5}}));
  object = ToJson(Epoch(1));
  object["flip_rates"] = 7;
  EXPECT_FALSE(EpochRecordFromJson(object));
}

TEST(Base64, RfcVectors) {
  const auto encode = [](std::string_view text) {
    return Base64(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  };
  EXPECT_EQ(encode(""), "");
  EXPECT_EQ(encode("f"), "Zg==");
  EXPECT_EQ(encode("fo"), "Zm8=");
  EXPECT_EQ(encode("foo"), "Zm9v");
  EXPECT_EQ(encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encode("\xfb\xff\xfe"), "+//+");
}

TEST(RunReport, EveryPrecisionHasACurve) {
  RunReport report;
  report.epochs = {Epoch(1), Epoch(2)};
  for (EpochRecord& epoch : report.epochs) epoch.accuracies = {{1, 0.2}, {2, 0.3}, {32, 0.4}};
  const std::string page = RenderRunReport(report);
  EXPECT_THAT(page, HasSubstr("Test accuracy by precision"));
  for (const char* name : {"1 bit", "2 bits", "float"}) EXPECT_THAT(page, HasSubstr(name));
  report.epochs.pop_back();  // where there are no curves the table has them
  EXPECT_THAT(RenderRunReport(report), HasSubstr("<th>1 bit</th><th>2 bits</th><th>float</th>"));
}

TEST(RunReport, AnEmptyRunIsATitle) {
  RunReport report;
  report.title = "a <run>";
  const std::string html = RenderRunReport(report);
  EXPECT_THAT(html, HasSubstr("<h1>a &lt;run&gt;</h1>"));
  EXPECT_THAT(html, Not(HasSubstr("<section>")));
  EXPECT_THAT(html, Not(HasSubstr("class=\"tiles\"")));
}

RunReport Hostile() {
  const std::string evil = "</style><script>alert('x')</script>\"'&\xff";
  RunReport report;
  report.title = evil;
  report.settings = {{evil, evil}};
  report.results = {{evil, evil}, {"b", evil}, {"c", evil}, {"d", evil}, {"e", evil}};
  report.epochs = {Epoch(1), Epoch(2)};
  report.epochs[0].flip_rates[evil] = 0.1;
  report.histograms = {{evil, {0, 1, 2}, {1, 2}, {2, 1}}};
  report.samples = {{{1, 2, 3}, evil, evil, 0.5}, {{1}, evil, "other" + evil, NAN}};
  report.class_names = {evil, evil};
  report.confusion = {{1, 2}, {3, 4}};
  return report;
}

TEST(RunReport, EscapesEverything) {
  RunReport report = Hostile();
  for (int layers : {1, 12}) {
    for (int i = 0; i < layers; ++i) {
      report.epochs[1].flip_rates["<script>" + std::to_string(i)] = 0.1;
    }
    const std::string html = RenderRunReport(report);
    EXPECT_THAT(html, Not(HasSubstr("<script")));
    EXPECT_THAT(html, Not(HasSubstr("alert('x')")));
    EXPECT_THAT(html, Not(HasSubstr("\xff")));
    EXPECT_EQ(html.find("</style>"), html.rfind("</style>"));
  }
}

TEST(RunReport, NeedsNoNetwork) {
  std::string html = RenderRunReport(Hostile());
  const std::string name_space = "http://www.w3.org/2000/svg";  // a name, not an address
  for (size_t at; (at = html.find(name_space)) != std::string::npos;) {
    html.erase(at, name_space.size());
  }
  for (const char* reference : {"http:", "https:", "url(", "@import", "<link", " href"}) {
    EXPECT_THAT(html, Not(HasSubstr(reference)));
  }
}

TEST(RunReport, MarksWrongSamples) {
  RunReport report;
  report.samples = {{{1}, "cat", "cat", 0.9}, {{2}, "cat", "dog", 0.6}};
  const std::string html = RenderRunReport(report);
  EXPECT_THAT(html, HasSubstr("&#10003; cat"));
  EXPECT_THAT(html, HasSubstr("class=\"wrong\""));
  EXPECT_THAT(html, HasSubstr("60.0 %<br>is cat"));
}

TEST(RunReport, OneEpochIsATableManyAreCurves) {
  EXPECT_THAT(Many(2, 1), Not(HasSubstr("<polyline")));
  EXPECT_THAT(Many(2, 1), HasSubstr("<td>1</td>"));
  EXPECT_THAT(Many(2, 3), HasSubstr("<polyline"));
  EXPECT_THAT(Many(2, 3), HasSubstr("<details>"));
}

TEST(RunReport, ManyLayersBecomeAMap) {
  EXPECT_THAT(Many(0, 5), Not(HasSubstr("Flip rate")));
  EXPECT_THAT(Many(6, 5), HasSubstr("Flip rate by layer<"));
  EXPECT_THAT(Many(7, 5), HasSubstr("Flip rate by layer and epoch<"));
  EXPECT_THAT(Many(20, 250), HasSubstr("mean of 3 epochs<"));
}

TEST(RunReport, WhatWasNotMeasuredIsLeftOut) {
  RunReport report;
  for (int i = 1; i <= 3; ++i) {
    report.epochs.push_back(Epoch(i));
    report.epochs.back().test_loss = NAN;
    report.epochs.back().learning_rate = NAN;
  }
  const std::string html = RenderRunReport(report);
  EXPECT_THAT(html, Not(HasSubstr(">Learning rate<")));
  EXPECT_THAT(html, HasSubstr(">Loss<"));
}

TEST(RunReport, LeavesOutPartsThatContradictThemselves) {
  RunReport report;
  report.confusion = {{1, 2}, {3}};
  report.histograms = {{"short", {0, 1}, {1, 2}, {}},
                       {"empty", {0, 1}, {}, {}},
                       {"unsorted", {1, 0}, {1}, {}},
                       {"nan", {0, NAN}, {1}, {}}};
  EXPECT_THAT(RenderRunReport(report), Not(HasSubstr("<section>")));
}

TEST(RunReport, LargeConfusionListsTheWorstPairs) {
  RunReport report;
  report.confusion.assign(1000, std::vector<int64_t>(1000, 0));
  report.confusion[17][42] = 9;
  report.confusion[17][17] = 1;
  const std::string html = RenderRunReport(report);
  EXPECT_THAT(html, HasSubstr("<td>class 17</td><td>class 42</td><td>9</td><td>90.0 %</td>"));
  EXPECT_LT(html.size(), 20000u);
}

TEST(RenderComparison, DrawsWhatHasNumbers) {
  Table table({{"network"}});
  table.AddRow({"a<b"});
  ComparedRuns group{.title = "lenet on x", .curves = {{"W1A8", {Epoch(1), Epoch(2)}}}};
  group.curves[0].epochs[1].flip_rates = {{"conv", .25}, {"fc", .75}};
  group.references = {{.accuracy = .5, .epochs = 2}};
  const ComparedRuns none{.title = "nothing", .curves = {{"W1A8", {}}}};
  const std::string page = RenderComparison("runs", table, {group, none});
  EXPECT_THAT(page, HasSubstr("a&lt;b"));
  EXPECT_THAT(page, HasSubstr("lenet on x"));
  EXPECT_THAT(page, HasSubstr("reference, 2 epochs"));
  EXPECT_THAT(page, HasSubstr("Bits that an epoch flips"));
  EXPECT_THAT(page, Not(HasSubstr("nothing")));
}

}  // namespace
}  // namespace signum::report
