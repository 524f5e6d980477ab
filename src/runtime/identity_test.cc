// The promise: a fully quantized network gives the same bits on every
// instruction set, thread count and batch size.
#include <algorithm>
#include <cstring>
#include <string>

#include "kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/output_stage/output_stage.h"
#include "runtime/testing/interpreter.h"
#include "runtime/testing/quantized_network.h"
#include "runtime/testing/run_program.h"

namespace signum::runtime {
namespace {

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void ExpectSameBits(RandomGraph random, uint32_t seed, int64_t images_count,
                    const std::vector<Isa>& isas) {
  const std::vector<float> images = random.Images(images_count);
  const std::vector<float> expected = RunGraph(random.graph(), images, images_count, {});
  for (Isa isa : isas) {
    for (int threads : {1, 2, 3}) {
      for (int64_t max_batch : {1, 3, 128}) {
        const std::vector<float> got =
            RunGraph(random.graph(), images, images_count,
                     {.isa = isa, .threads = threads, .max_batch = max_batch});
        ASSERT_TRUE(SameBits(got, expected))
            << IsaName(isa) << ", " << threads << " threads, batch " << max_batch << ", seed "
            << seed;
      }
    }
  }
}

TEST(Identity, AcrossInstructionSetsThreadsAndBatches) {
  for (uint32_t seed = 0; seed < 4; ++seed) {
    ExpectSameBits(QuantizedNetwork(seed), seed, 4, SupportedIsas());
  }
}

TEST(Identity, WithZeroPointsAnywhere) {
  for (uint32_t seed = 0; seed < 4; ++seed) {
    ExpectSameBits(AffineNetwork(seed), seed, 4, SupportedIsas());
  }
}

// Without the reference kernels, which would take long.
TEST(Identity, AcrossLargeBatches) { ExpectSameBits(QuantizedNetwork(0), 0, 130, {DetectIsa()}); }

// Rounding may flip a code here and there where scales are not dyadic; more than
// that is a wrong scale somewhere.
void ExpectNearInterpreter(RandomGraph random) {
  constexpr int64_t kImages = 4;
  const std::vector<float> images = random.Images(kImages);
  const std::vector<double> expected = Interpret(random.graph(), images, kImages);
  const std::vector<float> got = RunGraph(random.graph(), images, kImages, {.isa = DetectIsa()});
  double highest = 0;
  for (double value : expected) highest = std::max(highest, std::abs(value));
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 0.03 * highest);
}

TEST(Identity, TheNetworksComputeWhatTheyShould) {
  ExpectNearInterpreter(QuantizedNetwork(1));
  ExpectNearInterpreter(AffineNetwork(1));
}

// Only the step that joins nothing and the ends may be plain code; every layer
// must have found an integer kernel, and the best of this CPU.
void ExpectIntegers(const Graph& graph) {
  const Isa isa = DetectIsa();
  const auto program = Compile(graph, {.isa = isa}).value();
  const auto with_stage = [&](std::string layer) {
    return layer.append(", ").append(kernels::SelectOutputStage(isa).kernel->name);
  };
  for (const PlannedStep& step : program->steps()) {
    EXPECT_NE(step.report.ops, "Dequantize") << step.report.name;
    if (step.report.macs == 0) continue;
    const int64_t groups = step.report.tactic.groups_together;
    const auto product = [&](const kernels::IntegerGemmKernel* kernel) {
      const std::string suffix =
          groups == 1 ? "" : " on " + std::to_string(groups) + " groups as one";
      return with_stage(kernel->name + suffix);
    };
    EXPECT_THAT(step.report.kernel,
                testing::AnyOf(product(kernels::SelectGemmU8S8(isa).kernel),
                               product(kernels::SelectGemmU8W1(isa).kernel),
                               product(kernels::SelectGemmB1W1(isa).kernel),
                               with_stage(kernels::SelectDepthwiseU8S8(isa).kernel->name)));
  }
}

TEST(Identity, EveryLayerOfTheNetworksIsInteger) {
  ExpectIntegers(QuantizedNetwork(1).graph());
  ExpectIntegers(AffineNetwork(1).graph());
}

}  // namespace
}  // namespace signum::runtime
