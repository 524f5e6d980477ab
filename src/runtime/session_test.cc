// The public API, on files as users have them. Runs under the cap of SIGNUM_ISA.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/cpu.h"
#include "base/file.h"
#include "format/sgn.h"
#include "runtime/network.h"
#include "runtime/testing/quantized_network.h"
#include "signum/signum.h"

namespace signum {
namespace {

using testing::HasSubstr;

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto allowed = AllowedIsa(); !allowed) GTEST_SKIP() << allowed.error().message;
    graph_ = runtime::QuantizedNetwork(3).graph();
    graph_.name = "tiny";
    for (int i = 0; i < 10; ++i) graph_.class_names.push_back("class " + std::to_string(i));
    path_ = testing::TempDir() + "signum_session_" + std::to_string(getpid()) + ".sgn";
    ASSERT_TRUE(WriteSgn(graph_, path_));
  }
  void TearDown() override { std::filesystem::remove(path_); }

  Graph graph_;
  std::string path_;
};

TEST_F(SessionTest, ModelTellsWhatTheFileHolds) {
  const Model model = Model::Load(path_).value();
  EXPECT_EQ(model.name(), "tiny");
  EXPECT_EQ(model.input_size(), (ImageSize{3, 17, 15}));
  EXPECT_EQ(model.output_shape(), std::vector<int64_t>{10});
  EXPECT_EQ(model.output_size(), 10);
  EXPECT_EQ(model.class_names()[9], "class 9");
  const auto bytes = base::ReadFile(path_).value();
  EXPECT_EQ(Model::Parse(bytes.data(), bytes.size()).value().name(), "tiny");
}

TEST_F(SessionTest, TuningChangesNoOutput) {
  constexpr int64_t kImages = 3;
  const std::vector<float> images = runtime::QuantizedNetwork(3).Images(kImages);
  const auto run = [&](const SessionOptions& options) {
    std::vector<float> outputs(kImages * 10);
    Session session = Session::Create(Model::Load(path_).value(), options).value();
    EXPECT_TRUE(session.Run(images, kImages, outputs));
    return outputs;
  };
  const std::string folder = path_ + ".tuning";
  const std::vector<float> expected = run({});
  EXPECT_EQ(run({.tuning_folder = folder}), expected);
  EXPECT_FALSE(std::filesystem::is_empty(folder));
  // The second time by what is there, which is not written again.
  const auto written = std::filesystem::directory_iterator(folder)->last_write_time();
  EXPECT_EQ(run({.tuning_folder = folder}), expected);
  EXPECT_EQ(std::filesystem::directory_iterator(folder)->last_write_time(), written);
  std::filesystem::remove_all(folder);
}

TEST_F(SessionTest, FolderThatCannotBeWrittenFailsAndCanBeMended) {
  const Model model = Model::Load(path_).value();
  const auto refused = Session::Create(model, {.tuning_folder = path_});  // a file
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_THAT(refused.error().message, HasSubstr(path_));
  EXPECT_TRUE(Session::Create(model));
}

TEST_F(SessionTest, SessionsOfOneModelAgreeFromSeveralThreads) {
  const Model model = Model::Load(path_).value();
  constexpr int64_t kImages = 7;
  const std::vector<float> images = runtime::QuantizedNetwork(3).Images(kImages);
  std::vector<std::vector<float>> outputs(4, std::vector<float>(kImages * 10));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i, model] {
      Session session = Session::Create(model, {.threads = 1 + i % 2, .max_batch = 1 + i}).value();
      for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(session.Run(images, kImages, outputs[i]));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 1; i < 4; ++i) EXPECT_EQ(outputs[i], outputs[0]);
  EXPECT_NE(outputs[0], std::vector<float>(kImages * 10));
}

TEST_F(SessionTest, SessionsShareTheWeightsOfTheirModel) {
  const Model model = Model::Load(path_).value();
  const Model copy = model;
  std::vector<Session> sessions;
  for (int threads : {1, 2, 3}) {
    sessions.push_back(Session::Create(copy, {.threads = threads}).value());
  }
  const std::shared_ptr<const runtime::Program> program =
      model.network().ProgramFor(AllowedIsa().value()).value();
  EXPECT_EQ(program.use_count(), 2 + 3);  // the model's and ours
  sessions.clear();
  EXPECT_EQ(program.use_count(), 2);
  EXPECT_EQ(model.network().graph.size(), 0) << "the weights are there twice";
}

// Sessions come, run and go while others of the same model do; each has threads of its own.
TEST_F(SessionTest, SessionsComeAndGoWhileOthersRun) {
  const Model model = Model::Load(path_).value();
  constexpr int64_t kImages = 2;
  const std::vector<float> images = runtime::QuantizedNetwork(3).Images(kImages);
  std::vector<float> expected(kImages * 10);
  ASSERT_TRUE(Session::Create(model).value().Run(images, kImages, expected));
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      std::optional<Session> kept;
      for (int round = 0; round < 6; ++round) {
        Session session =
            Session::Create(model, {.threads = 1 + (i + round) % 3, .max_batch = 1 + round % 2})
                .value();
        if (round % 3 == 0) kept = std::move(session);
        std::vector<float> outputs(kImages * 10);
        ASSERT_TRUE((round % 3 == 0 ? *kept : session).Run(images, kImages, outputs));
        EXPECT_EQ(outputs, expected);
        ASSERT_TRUE(kept->Run(images, kImages, outputs));
        EXPECT_EQ(outputs, expected);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SessionTest, SessionsOfOneModelHaveOneInstructionSet) {
  const Model model = Model::Load(path_).value();
  ASSERT_TRUE(model.network().ProgramFor(Isa::kScalar));
  EXPECT_TRUE(model.network().ProgramFor(Isa::kScalar));
  for (Isa other : {Isa::kAvx2, Isa::kNeon}) {
    const auto program = model.network().ProgramFor(other);
    ASSERT_FALSE(program);
    EXPECT_THAT(program.error().message, HasSubstr("load the model again"));
  }
}

TEST_F(SessionTest, SessionsMoveAndOutliveTheirModel) {
  std::optional<Model> model = Model::Load(path_).value();
  Session first = Session::Create(*model).value();
  model.reset();
  Session second = std::move(first);
  std::vector<float> images(3 * 17 * 15), outputs(10);
  EXPECT_TRUE(second.Run(images, 1, outputs));
}

TEST_F(SessionTest, ErrorsSayWhatToDo) {
  EXPECT_THAT(Model::Load("no/such.sgn").error().message, HasSubstr("no/such.sgn"));
  EXPECT_FALSE(Model::Parse("nonsense", 8));
  const Model model = Model::Load(path_).value();
  EXPECT_THAT(Session::Create(model, {.threads = 0}).error().message, HasSubstr("threads"));
  EXPECT_THAT(Session::Create(model, {.max_batch = -1}).error().message, HasSubstr("batch"));
  Session session = Session::Create(model).value();
  std::vector<float> images(3 * 32 * 32), outputs(10);
  const Status status = session.Run(images, 1, outputs);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("1x3x17x15"));
}

}  // namespace
}  // namespace signum
