// What compilation decides: which nodes are one step, where values lie, what is
// refused; and the elementary functions.
#include <cmath>
#include <limits>
#include <random>

#include "runtime/chains.h"
#include "runtime/elementary.h"
#include "runtime/memory_plan.h"
#include "runtime/testing/quantized_network.h"
#include "runtime/testing/random_graph.h"
#include "runtime/testing/run_program.h"

namespace signum::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A processor refuses kernels of others besides.
auto HasRefusal(const char* kernel, const char* reason) {
  return testing::Contains(
      testing::AllOf(testing::Field(&kernels::Refusal::kernel, HasSubstr(kernel)),
                     testing::Field(&kernels::Refusal::reason, HasSubstr(reason))));
}

std::vector<std::string> OpsOf(const Graph& graph) {
  const auto program = Compile(graph, {}).value();
  std::vector<std::string> ops;
  for (const PlannedStep& step : program->steps()) ops.push_back(step.report.ops);
  return ops;
}

ConvolutionOp Conv(int64_t channels, std::optional<WeightQuantizer> quantizer = {}) {
  ConvolutionOp op;
  op.output_channels = channels;
  op.window = {{3, 3}, {1, 1}, {1, 1}, Padding::All(1)};
  op.weight_quantizer = quantizer;
  return op;
}

TEST(Chains, AWholeBlockIsOneStep) {
  RandomGraph g({1, 4, 6, 6}, 1);
  const NodeId codes = g.Quantize(g.input(), 8, 128, 0.01f);
  const NodeId conv = g.BatchNorm(g.Convolution(codes, Conv(4, WeightQuantizer{1, true})));
  const NodeId sum = g.Add(AddOp{}, {conv, codes});
  g.Quantize(g.Activation(sum, ActivationKind::kRelu), 4, 0, 0.1f);
  EXPECT_THAT(OpsOf(g.graph()),
              ElementsAre("Input+Quantize", "Convolution+BatchNorm+Add+ReLU+Quantize", "Output"));
}

TEST(Chains, PReluIsPartOfItsLayer) {
  RandomGraph g({1, 4, 6, 6}, 1);
  const NodeId codes = g.Quantize(g.input(), 8, 128, 0.01f);
  const NodeId conv = g.BatchNorm(g.Convolution(codes, Conv(4, WeightQuantizer{1, true})));
  g.Quantize(g.PRelu(g.Add(AddOp{}, {conv, codes})), 4, 8, 0.1f);
  EXPECT_THAT(OpsOf(g.graph()),
              ElementsAre("Input+Quantize", "Convolution+BatchNorm+Add+PReLU+Quantize", "Output"));
}

TEST(Chains, OfTwoBranchesTheLaterTakesTheSum) {
  RandomGraph g({1, 4, 6, 6}, 1);
  const NodeId a = g.BatchNorm(g.Convolution(g.input(), Conv(4)));
  const NodeId b = g.BatchNorm(g.Convolution(g.input(), Conv(4)));
  g.Activation(g.Add(AddOp{}, {a, b}), ActivationKind::kRelu);
  EXPECT_THAT(OpsOf(g.graph()), ElementsAre("Input", "Convolution+BatchNorm",
                                            "Convolution+BatchNorm+Add+ReLU", "Output"));
}

TEST(Chains, AValueReadAsFloatsAndCodesIsStoredTwiceByOneStep) {
  RandomGraph g({1, 4, 6, 6}, 1);
  const NodeId conv = g.BatchNorm(g.Convolution(g.input(), Conv(4)));
  const NodeId sign = g.Quantize(conv, 1, 0, 1.0f);
  const NodeId next = g.Convolution(sign, Conv(4, WeightQuantizer{1, true}));
  g.Add(AddOp{}, {next, conv});
  EXPECT_THAT(OpsOf(g.graph()),
              ElementsAre("Input", "Convolution+BatchNorm+Quantize", "Convolution+Add", "Output"));
}

TEST(Chains, StagesWithoutALayerAreJoined) {
  RandomGraph g({1, 4, 6, 6}, 1);
  const NodeId pool = g.Add(MaxPoolOp{Window{{2, 2}, {2, 2}, {1, 1}, {}}}, {g.input()});
  const NodeId relu = g.Activation(g.BatchNorm(pool), ActivationKind::kRelu);
  g.Quantize(relu, 4, 0, 0.1f);
  EXPECT_THAT(OpsOf(g.graph()),
              ElementsAre("Input", "MaxPool", "BatchNorm+ReLU+Quantize", "Output"));
}

TEST(Reports, SayWhyAFasterKernelWasRefused) {
  RandomGraph g({1, 4, 6, 6}, 1);
  const NodeId codes = g.Quantize(g.input(), 8, 128, 0.01f);
  const NodeId binary = g.Convolution(codes, Conv(4, WeightQuantizer{1, true}));
  g.Convolution(binary, Conv(4, WeightQuantizer{1, true}));
  const auto program = Compile(g.graph(), {.isa = Isa::kScalar}).value();
  const StepReport& layer = program->steps()[1].report;
  EXPECT_THAT(layer.kernel, HasSubstr("gemm_u8w1"));
  EXPECT_EQ(layer.macs, 4 * 36 * 4 * 9);
  EXPECT_EQ(layer.output, "4x6x6 f32");
  if (IsasOfThisArchitecture().size() > 1) {
    ASSERT_FALSE(layer.refused.empty());
    EXPECT_THAT(layer.refused[0].reason, HasSubstr("needs"));
  }
  EXPECT_THAT(program->steps()[2].report.refused.back().reason, HasSubstr("not quantized"));
}

// Two layers of 1-bit weights on the same codes share their planes.
TEST(Tactics, TwoBitsArePlanesAndSevenAreBytes) {
  const auto program = [](int bits) {
    RandomGraph g({1, 64, 14, 14}, 1);
    const NodeId codes = g.Quantize(g.input(), bits, 1, 0.3f);
    const NodeId a = g.Convolution(codes, Conv(64, WeightQuantizer{1, true}));
    g.Add(AddOp{}, {a, g.Convolution(codes, Conv(64, WeightQuantizer{1, true}))});
    return Compile(g.graph(), {.isa = DetectIsa() == Isa::kAmx ? Isa::kAvx512 : DetectIsa()})
        .value();
  };
  const auto two = program(2);
  ASSERT_EQ(two->steps().size(), 5u);  // input, planes, two layers, output
  EXPECT_EQ(two->steps()[1].report.ops, "BitPlanes");
  EXPECT_EQ(two->steps()[1].report.output, "64x14x14 2 planes");
  for (size_t layer : {2, 3}) {
    const StepReport& report = two->steps()[layer].report;
    EXPECT_THAT(report.kernel, HasSubstr("gemm_b1w1"));
    EXPECT_EQ(report.planes_step, 1);
    EXPECT_EQ(report.planes, 2);
    EXPECT_EQ(report.arithmetic, Arithmetic::kBits);
    EXPECT_THAT(report.refused, HasRefusal("gemm_u8w1", "against"));
  }
  const auto seven = program(7);
  ASSERT_EQ(seven->steps().size(), 4u);
  const StepReport& report = seven->steps()[1].report;
  EXPECT_THAT(report.kernel, HasSubstr("gemm_u8w1"));
  EXPECT_THAT(report.refused, HasRefusal("", "on 7 planes of bits"));
}

TEST(Tactics, GroupsOfFewChannelsAreMultipliedTogether) {
  for (int64_t groups : {15, 16}) {
    RandomGraph g({1, 4 * groups, 14, 14}, 1);
    ConvolutionOp op = Conv(4 * groups, WeightQuantizer{1, true});
    op.groups = groups;
    g.Convolution(g.Quantize(g.input(), 8, 1, 0.3f), op);
    const auto program = Compile(g.graph(), {.isa = DetectIsa()}).value();
    const StepReport& report = program->steps()[1].report;
    EXPECT_GT(report.tactic.groups_together, 1);
    EXPECT_EQ(groups % report.tactic.groups_together, 0);
    EXPECT_THAT(report.kernel, HasSubstr("groups as one"));
    EXPECT_THAT(report.refused, HasRefusal("gemm_u8w1", "against"));
  }
}

TEST(Compile, RefusesWhatMixesImages) {
  const auto refusal = [](Op op) {
    RandomGraph g({1, 4, 6, 6}, 1);
    g.Add(std::move(op), {g.input()});
    const auto program = Compile(g.graph(), {});
    return program ? "" : program.error().message;
  };
  EXPECT_THAT(refusal(ReshapeOp{{1, -1}}), HasSubstr("'n1'"));
  EXPECT_THAT(refusal(ReshapeOp{{1, 144}}), HasSubstr("'n1'"));
  EXPECT_THAT(refusal(PadOp{{1, 0, 0, 0}, {0, 0, 0, 0}, 0}), HasSubstr("'n1'"));
  EXPECT_THAT(refusal(SoftmaxOp{0}), HasSubstr("batch"));
  EXPECT_THAT(refusal(ConcatOp{0}), HasSubstr("batch"));
  EXPECT_EQ(refusal(ReshapeOp{{-1, 144}}), "");
}

TEST(Compile, RefusesHugeValuesBeforeItAllocates) {
  Graph graph;
  graph.Add("input", InputOp{Shape{1, 1, 1, int64_t{1} << 33}}, {});
  graph.Add("relu", ActivationOp{}, {0});
  const auto program = Compile(graph, {});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(program.error().message, HasSubstr("node 'input' (Input)"));
}

TEST(Compile, NamesASumOfDifferentRanks) {
  RandomGraph g({1, 1, 1, 6}, 1);
  const NodeId flat = g.Add(FlattenOp{}, {g.input()});
  g.Add(AddOp{}, {flat, g.input()});
  const auto program = Compile(g.graph(), {});
  ASSERT_FALSE(program);
  EXPECT_THAT(program.error().message, HasSubstr("node 'n2' (Add)"));
}

TEST(MemoryPlan, ValuesThatLiveTogetherDoNotOverlap) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<Storage> storages;
    int64_t sum = 0;
    for (int i = 0; i < 20; ++i) {
      Storage storage;
      storage.bytes = 1 + random() % 1000;
      storage.first_step = static_cast<int>(random() % 30);
      storage.last_step = storage.first_step + static_cast<int>(random() % 8);
      sum += storage.bytes + 63;
      storages.push_back(storage);
    }
    const int64_t arena = PlanMemory(storages);
    EXPECT_LE(arena, sum);
    for (size_t i = 0; i < storages.size(); ++i) {
      const Storage& a = storages[i];
      EXPECT_EQ(a.offset % 64, 0);
      EXPECT_LE(a.offset + a.bytes, arena);
      for (size_t j = 0; j < i; ++j) {
        const Storage& b = storages[j];
        const bool together = a.first_step <= b.last_step && b.first_step <= a.last_step;
        const bool apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
        EXPECT_TRUE(!together || apart);
      }
    }
  }
}

TEST(MemoryPlan, AChainOfLayersNeedsTwoBuffers) {
  RandomGraph g({1, 4, 8, 8}, 1);
  NodeId value = g.input();
  for (int i = 0; i < 6; ++i) value = g.Convolution(value, Conv(4));
  const auto program = Compile(g.graph(), {}).value();
  EXPECT_EQ(program->arena_bytes_per_image(), 2 * 4 * 64 * 4);
}

TEST(Executor, RefusesSizesAndOptionsThatDoNotFit) {
  RandomGraph g({1, 4}, 1);
  g.Linear(g.input(), 3);
  const auto program = Compile(g.graph(), {}).value();
  EXPECT_FALSE(Executor::Create(program, {.threads = 0}));
  EXPECT_FALSE(Executor::Create(program, {.max_batch = 0}));
  EXPECT_FALSE(Executor::Create(program, {.max_batch = int64_t{1} << 60}));
  const auto executor = Executor::Create(program, {}).value();
  std::vector<float> images(8), outputs(6);
  EXPECT_TRUE(executor->Run(images, 2, outputs));
  EXPECT_FALSE(executor->Run(images, 1, outputs));
  EXPECT_FALSE(executor->Run(images, 0, outputs));
  EXPECT_FALSE(executor->Run(images, 2, std::span(outputs).first(5)));
  EXPECT_FALSE(executor->Run({}, int64_t{1} << 62, {})) << "the product of sizes wraps to 0";
}

TEST(Executor, ProfilesOnlyWhenAsked) {
  const RandomGraph g = QuantizedNetwork(1);
  const auto program = Compile(g.graph(), {}).value();
  std::vector<float> images(3 * 17 * 15), outputs(10);
  for (bool profile : {false, true}) {
    const auto executor = Executor::Create(program, {.profile = profile}).value();
    ASSERT_TRUE(executor->Run(images, 1, outputs));
    double sum = 0;
    for (double seconds : executor->step_seconds()) sum += seconds;
    EXPECT_EQ(sum > 0, profile);
    executor->ResetProfile();
    for (double seconds : executor->step_seconds()) EXPECT_EQ(seconds, 0);
  }
}

TEST(Elementary, FunctionsAreAccurate) {
  const auto near = [](float got, double expected, double units) {
    const double unit = std::ldexp(std::max(std::abs(expected), 1e-37), -23);
    return std::abs(got - expected) <= units * unit;
  };
  for (double x = -87; x < 88; x += 0.001) {
    const auto f = static_cast<float>(x);
    const double exact = double{f};
    EXPECT_TRUE(near(Exp(f), std::exp(exact), 2)) << f;
    EXPECT_TRUE(near(Sigmoid(f), 1 / (1 + std::exp(-exact)), 4)) << f;
    EXPECT_TRUE(near(Tanh(f), std::tanh(exact), 2)) << f;
  }
  EXPECT_EQ(Exp(0), 1);
  EXPECT_EQ(Tanh(0), 0);
  EXPECT_EQ(Sigmoid(1000), 1);
  EXPECT_EQ(Tanh(-1000), -1);
  EXPECT_LT(Exp(-1000), 1e-37f);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(Exp(nan)));
  EXPECT_TRUE(std::isnan(Sigmoid(nan)));
  EXPECT_TRUE(std::isnan(Tanh(nan)));
}

}  // namespace
}  // namespace signum::runtime
