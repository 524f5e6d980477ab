// Every method of training gives a network that runs in integers: the runtime finds the classes
// that the trainer finds, and on each instruction set the same bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/passes/insert_quantizers.h"
#include "graph/passes/shortcut_per_convolution.h"
#include "graph/passes/use_prelu.h"
#include "runtime/testing/run_program.h"
#include "train/check.h"
#include "train/graph_module.h"
#include "train/testing/small_problem.h"
#include "zoo/zoo.h"

namespace signum::train {
namespace {

class MethodsTest : public SmallProblem {
 protected:
  void ExpectTheRuntimeAgrees(const TrainOutcome& outcome) {
    const GraphModule frozen(outcome.network, {.frozen = true}, torch::kCPU);
    EXPECT_EQ(frozen.Snapshot(), outcome.network);
    const auto outputs = Predict(outcome.network, test_, SmallConfig());
    ASSERT_TRUE(outputs) << outputs.error().message;
    std::vector<float> images;
    for (const uint8_t pixel : test_.images) images.push_back(static_cast<float>(pixel) / 255.0f);
    std::vector<float> first;
    for (Isa isa : SupportedIsas()) {
      const std::vector<float> got =
          runtime::RunGraph(outcome.network, images, test_.size(), {.isa = isa});
      EXPECT_EQ(Classes(got), Classes(*outputs)) << IsaName(isa);
      if (first.empty()) first = got;
      EXPECT_EQ(got, first) << IsaName(isa);
    }
  }
};

TEST_F(MethodsTest, LearnAndRunInIntegers) {
  const Graph network = SmallNetwork();
  const auto floats = Train(Request(network), silent_);
  ASSERT_TRUE(floats) << floats.error().message;
  struct Method {
    int weight_bits, activation_bits;
    QuantizationConfig config;
  };
  const Method methods[] = {
      {1, 8, {.theta = 0.1, .theta_relative = true}},
      {1, 8, {.binary_method = "ir-net"}},
      {1, 8, {.binary_method = "bop", .bop_gamma = 0.01, .bop_tau = 1e-4}},
      {1, 8, {.binary_method = "recu"}},
      {1, 8, {.binary_method = "adabin"}},
      {1, 1, {.binary_method = "adabin", .theta = 0.1}},
      {1, 4, {.value_method = "pact"}},
      {1, 4, {.value_method = "dorefa"}},
      {1, 1, {.binary_method = "ir-net", .sign_gradient = "ede"}},
      {1, 1, {.sign_gradient = "bi-real"}},
      {1, 1, {.sign_gradient = "swish-sign"}},
      {2, 2, {.weight_method = "lsq"}},
      {2, 8, {.weight_method = "ternary"}},
      {3, 3, {.weight_method = "dorefa", .value_method = "dorefa"}},
      {8, 8, {.weight_method = "dorefa"}},
      {4, 4, {.weight_method = "lsq", .value_method = "pact"}},
      {8, 8, {.weight_method = "lsq"}},
  };
  for (const Method& method : methods) {
    const QuantizationConfig& config = method.config;
    SCOPED_TRACE(testing::Message() << "W" << method.weight_bits << "A" << method.activation_bits
                                    << " " << config.binary_method << " " << config.weight_method
                                    << " " << config.value_method << " " << config.sign_gradient);
    const auto quantized = InsertQuantizers(
        floats->network,
        {.weight_bits = method.weight_bits, .activation_bits = method.activation_bits});
    ASSERT_TRUE(quantized);
    TrainRequest request = Request(*quantized);
    request.teacher = &floats->network;
    request.calibrate = true;
    request.config.quantization = config;
    const auto outcome = Train(request, silent_);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_GT(outcome->test_accuracy, 0.9);
    ExpectTheRuntimeAgrees(*outcome);
  }
}

// Bi-Real's shortcuts, RPReLUs, and downsampling convolutions of 8 bits beside 1-bit ones that read
// the same values.
TEST_F(MethodsTest, AResidualNetworkOfOneBitValuesRunsInIntegers) {
  zoo::ZooOptions options{.channels = 1, .height = 8, .width = 8, .classes = 3};
  const auto network = zoo::BuildZoo("resnet20", options);
  ASSERT_TRUE(network) << network.error().message;
  const auto shortcuts = ShortcutPerConvolution(*network);
  ASSERT_TRUE(shortcuts);
  EXPECT_GT(shortcuts->size(), network->size());
  const Graph changed = *UsePRelu(*shortcuts, 0.25f);
  const auto floats = Train(Request(changed), silent_);
  ASSERT_TRUE(floats) << floats.error().message;
  const auto quantized =
      InsertQuantizers(floats->network, {.weight_bits = 1,
                                         .activation_bits = 1,
                                         .downsample = LayerBits{.weights = 8, .activations = 8}});
  ASSERT_TRUE(quantized) << quantized.error().message;
  TrainRequest request = Request(*quantized);
  request.teacher = &floats->network;
  request.calibrate = true;
  const auto outcome = Train(request, silent_);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_GT(outcome->test_accuracy, 0.8);
  ExpectTheRuntimeAgrees(*outcome);
}

// Which VGG-small pools before.
TEST(Methods, ThatWantABatchNormFindItBehindAPool) {
  const Graph network = *InsertQuantizers(*zoo::BuildZoo("vgg-small"), {});
  for (const char* method : {"ir-net", "recu", "adabin"}) {
    const Status fits = CheckQuantization({&network}, {.binary_method = method});
    EXPECT_TRUE(fits) << method << ": " << fits.error().message;
  }
  Graph taken = network;
  taken.Add("conv2.offset", ActivationOp{}, {taken.output()});
  const Status fits = CheckQuantization({&taken}, {.binary_method = "adabin"});
  ASSERT_FALSE(fits);
  EXPECT_THAT(fits.error().message, testing::HasSubstr("needs the name 'conv2.offset'"));
}

}  // namespace
}  // namespace signum::train
