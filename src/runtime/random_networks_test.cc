// Whole networks at random: every instruction set, number of threads and batch size gives
// the bits of the plain references, and those are what the interpreter says.
//
// SIGNUM_TEST_GRAPHS sets how many networks each test draws, SIGNUM_TEST_SEED the first
// one's seed; the next have the next seeds, and a failure names its own.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/testing/interpreter.h"
#include "runtime/testing/random_network.h"
#include "runtime/testing/run_program.h"

namespace signum::runtime {
namespace {

constexpr int64_t kImages = 3;

uint32_t FromEnvironment(const char* name, uint32_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<uint32_t>(std::strtoul(text, nullptr, 10));
}

// Calls check(network) for each network, until one fails.
template <typename Check>
void ForEachNetwork(bool dyadic, const Check& check) {
  const uint32_t first = FromEnvironment("SIGNUM_TEST_SEED", 1);
  const uint32_t count = FromEnvironment("SIGNUM_TEST_GRAPHS", 60);
  std::printf("SIGNUM_TEST_SEED=%u SIGNUM_TEST_GRAPHS=%u\n", first, count);
  for (uint32_t seed = first; seed - first < count; ++seed) {
    RandomGraph network = RandomNetwork(seed, dyadic);
    SCOPED_TRACE(testing::Message() << "SIGNUM_TEST_SEED=" << seed << "\n" << Describe(network));
    ASSERT_TRUE(Verify(network.graph())) << Verify(network.graph()).error().message;
    check(network);
    if (testing::Test::HasFailure()) return;
  }
}

std::vector<float> Outputs(const std::shared_ptr<const Program>& program,
                           const std::vector<float>& images, int threads, int64_t max_batch) {
  const auto executor =
      Executor::Create(program, {.threads = threads, .max_batch = max_batch}).value();
  std::vector<float> outputs(kImages * program->output_shape().elements(), -12345.0f);
  EXPECT_TRUE(executor->Run(images, kImages, outputs));
  return outputs;
}

TEST(RandomNetworks, HaveTheSameBitsHoweverTheyRun) {
  ForEachNetwork(/*dyadic=*/false, [](RandomGraph& network) {
    const std::vector<float> images = network.Images(kImages);
    const std::vector<float> expected = RunGraph(network.graph(), images, kImages, {});
    for (Isa isa : SupportedIsas()) {
      const auto program = Compile(network.graph(), {.isa = isa}).value();
      for (int threads : {1, 2, 3}) {
        for (int64_t max_batch : {1, 2, 5}) {
          const std::vector<float> got = Outputs(program, images, threads, max_batch);
          ASSERT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
              << IsaName(isa) << ", " << threads << " threads, batch " << max_batch;
        }
      }
    }
  });
}

// In every layer that has a choice one of its tactics at random.
TEST(RandomNetworks, HaveTheSameBitsWithAnyTactics) {
  std::mt19937 random(FromEnvironment("SIGNUM_TEST_SEED", 1));
  int64_t planes = 0, merged = 0;
  ForEachNetwork(/*dyadic=*/false, [&](RandomGraph& network) {
    const std::vector<float> images = network.Images(kImages);
    const std::vector<float> expected = RunGraph(network.graph(), images, kImages, {});
    for (Isa isa : SupportedIsas()) {
      CompileOptions options{.isa = isa};
      const auto usual = Compile(network.graph(), options).value();
      for (const PlannedStep& planned : usual->steps()) {
        const std::vector<Tactic>& tactics = planned.report.tactics;
        if (tactics.empty()) continue;
        options.tactics[planned.report.name] = NameOf(tactics[random() % tactics.size()]);
      }
      const auto program = Compile(network.graph(), options).value();
      for (const PlannedStep& planned : program->steps()) {
        const StepReport& report = planned.report;
        planes += report.planes_step < 0 ? 0 : 1;
        if (report.tactics.empty()) continue;
        merged += report.tactic.groups_together > 1 ? 1 : 0;
        ASSERT_EQ(NameOf(report.tactic), options.tactics.at(report.name));
      }
      const std::vector<float> got = Outputs(program, images, 2, 2);
      ASSERT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
          << IsaName(isa);
    }
  });
  EXPECT_GT(planes, 0) << "no layer multiplied planes of bits";
  EXPECT_GT(merged, 0) << "no layer multiplied groups together";
}

TEST(RandomNetworks, AreWhatTheInterpreterSays) {
  int compared = 0, drawn = 0;
  ForEachNetwork(/*dyadic=*/true, [&](RandomGraph& network) {
    ++drawn;
    const std::vector<float> images = network.Images(kImages);
    bool exact = false;
    const std::vector<double> expected = Interpret(network.graph(), images, kImages, &exact);
    if (!exact) return;
    ++compared;
    for (Isa isa : {Isa::kScalar, DetectIsa()}) {
      const std::vector<float> got =
          RunGraph(network.graph(), images, kImages, {.isa = isa, .max_batch = 2});
      ASSERT_EQ(got.size(), expected.size());
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(got[i], expected[i]) << "element " << i << " under " << IsaName(isa);
      }
    }
  });
  std::printf("%d of %d networks were exact\n", compared, drawn);
  EXPECT_GE(compared, drawn / 2);
}

}  // namespace
}  // namespace signum::runtime
