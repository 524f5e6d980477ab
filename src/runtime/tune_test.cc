// What --tune rests on. That no tactic changes a bit is random_networks_test's.
#include "runtime/tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "runtime/testing/quantized_network.h"

namespace signum::runtime {
namespace {

class TuneTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "signum_tune_" + std::to_string(getpid());
    options_.isa = DetectIsa();
    options_.seconds = 1e-4;
    options_.progress = [this](int done, int total) {
      EXPECT_LE(done, total);
      ++measured_;
    };
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The one file of the folder.
  std::string File() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      files.push_back(entry.path().string());
    }
    EXPECT_EQ(files.size(), 1u);
    return files.at(0);
  }

  Graph graph_ = QuantizedNetwork(3).graph();
  std::string folder_;
  TuneOptions options_;
  int measured_ = 0;
};

// ... also where its name is that of the last step.
TEST_F(TuneTest, TimesALayerThatIsCalledOutput) {
  for (NodeId id = 0; id < graph_.size(); ++id) {
    if (std::holds_alternative<LinearOp>(graph_.node(id).op)) graph_.node(id).name = "output";
  }
  EXPECT_TRUE(Tune(graph_, options_));
}

TEST_F(TuneTest, AskedForTacticsAreTaken) {
  CompileOptions options{.isa = options_.isa};
  const auto usual = Compile(graph_, options).value();
  for (const PlannedStep& planned : usual->steps()) {
    const auto& tactics = planned.report.tactics;
    if (tactics.size() > 1) options.tactics[planned.report.name] = NameOf(tactics.back());
  }
  ASSERT_FALSE(options.tactics.empty());
  const auto program = Compile(graph_, options).value();
  for (const PlannedStep& planned : program->steps()) {
    const auto asked = options.tactics.find(planned.report.name);
    if (asked == options.tactics.end()) continue;
    EXPECT_EQ(NameOf(planned.report.tactic), asked->second);
  }
}

TEST_F(TuneTest, NetworkWithoutChoicesIsKeptToo) {
  RandomGraph g({1, 4, 6, 6}, 1);
  g.Activation(g.input(), ActivationKind::kRelu);
  EXPECT_TRUE(TuneOnce(g.graph(), folder_, options_).value().empty());
  EXPECT_EQ(measured_, 0);
  EXPECT_TRUE(TuneOnce(g.graph(), folder_, options_).value().empty());
}

TEST_F(TuneTest, ThreadsMayTuneAtTheSameTime) {
  options_.progress = {};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(TuneOnce(graph_, folder_, options_)); });
  }
  for (std::thread& thread : threads) thread.join();
  File();
}

TEST_F(TuneTest, FindsTacticsThatLayersHave) {
  const TacticNames found = Tune(graph_, options_).value();
  EXPECT_GT(measured_, 0);
  const auto program = Compile(graph_, {.isa = options_.isa, .tactics = found}).value();
  size_t taken = 0;
  for (const PlannedStep& planned : program->steps()) {
    const auto name = found.find(planned.report.name);
    if (name == found.end()) continue;
    EXPECT_EQ(NameOf(planned.report.tactic), name->second);
    ++taken;
  }
  EXPECT_EQ(taken, found.size());
}

TEST_F(TuneTest, MeasuresOnceForANetworkOfOneStructure) {
  const TacticNames first = TuneOnce(graph_, folder_, options_).value();
  const int measured = std::exchange(measured_, 0);
  EXPECT_GT(measured, 0);
  EXPECT_EQ(TuneOnce(graph_, folder_, options_).value(), first);
  // Other weights are the same work.
  EXPECT_EQ(TuneOnce(QuantizedNetwork(4).graph(), folder_, options_).value(), first);
  EXPECT_EQ(measured_, 0);
  EXPECT_TRUE(TuneOnce(AffineNetwork(3).graph(), folder_, options_));
  EXPECT_GT(measured_, 0);
}

TEST_F(TuneTest, TakesWhatTheFileSays) {
  ASSERT_TRUE(TuneOnce(graph_, folder_, options_));
  const TacticNames known = {{" a layer ", {"gemm_u8s8_reference", 4, {48, 64}}},
                             {"another", {"gemm_u8w1_reference", 1, {12, 32}}}};
  ASSERT_TRUE(
      base::WriteFile(File(), std::string_view("signum tactics 1\n"
                                               "gemm_u8s8_reference 4 48 64  a layer \n"
                                               "gemm_u8w1_reference 1 12 32 another\nend\n")));
  EXPECT_EQ(TuneOnce(graph_, folder_, options_).value(), known);
}

TEST_F(TuneTest, MeasuresAnewWhereTheFileIsDamaged) {
  ASSERT_TRUE(TuneOnce(graph_, folder_, options_));
  const std::string file = File();
  for (const char* text : {"", "signum tactics 1\n", "signum tactics 2\nend\n",
                           "signum tactics 1\ngemm_u8s8_reference 48\nend\n",
                           "signum tactics 1\ngemm_u8s8_reference 1 48 many conv\nend\n"}) {
    measured_ = 0;
    ASSERT_TRUE(base::WriteFile(file, std::string_view(text)));
    EXPECT_TRUE(TuneOnce(graph_, folder_, options_));
    EXPECT_GT(measured_, 0) << text;
  }
}

TEST_F(TuneTest, ReportsAFolderThatCannotBe) {
  std::ofstream(folder_) << "a file";
  const auto refused = TuneOnce(graph_, folder_, options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(folder_));
  EXPECT_EQ(measured_, 0) << "measured what it cannot keep";
}

TEST_F(TuneTest, UnknownNamesCountForNothing) {
  const TacticNames names = {{"no layer", {"gemm_u8s8_reference", 1, {48, 64}}},
                             {"conv1", {"no kernel", 1, {1, 16}}}};
  EXPECT_TRUE(Compile(graph_, {.isa = options_.isa, .tactics = names}));
}

}  // namespace
}  // namespace signum::runtime
