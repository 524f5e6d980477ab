// Every method of training gives a network that runs in integers: the runtime finds the classes
// that the trainer finds, and on each instruction set the same bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/dataset.h"
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

struct Method {
  QuantizationPolicy policy;
  QuantizationConfig config;
  double average_decay = 0;
};

// Every method of weights, of values and of gradients.
const std::vector<Method>& Methods() {
  const auto bits = [](int weights, int values) {
    return QuantizationPolicy{.weight_bits = weights, .activation_bits = values};
  };
  static const std::vector<Method> methods = {
      {bits(1, 8), {.theta = 0.1, .theta_relative = true}},
      {bits(1, 8), {.clip = false}, 0.9},
      {bits(1, 8), {.binary_method = "ir-net"}},
      {bits(1, 8), {.binary_method = "bop", .bop_gamma = 0.01, .bop_tau = 1e-4}},
      {bits(1, 8), {.binary_method = "recu"}},
      {bits(1, 8), {.binary_method = "adabin"}},
      {bits(1, 1), {.binary_method = "adabin", .theta = 0.1}},
      {bits(1, 1), {.binary_method = "recu"}},
      {bits(1, 4), {.value_method = "pact"}},
      {bits(1, 4), {.value_method = "dorefa"}},
      {bits(1, 1), {.binary_method = "ir-net", .sign_gradient = "ede"}},
      {bits(1, 1), {.sign_gradient = "bi-real"}},
      {bits(1, 1), {.sign_gradient = "swish-sign"}},
      {bits(1, 1), {.rsign = false}},
      {{.weight_bits = 1, .activation_bits = 1, .edges = {1, 1}}, {.sign_gradient = "bi-real"}},
      {{.weight_bits = 1, .activation_bits = 8, .per_channel = false}, {}},
      {{.weight_bits = 2, .activation_bits = 4, .per_channel = false}, {.weight_method = "lsq"}},
      {{.activation_bits = 8, .scales = {{"linear", false}, {"conv2", false}}}, {}},
      {bits(kFloatBits, 2), {}},
      {bits(2, 2), {.weight_method = "lsq"}},
      {bits(2, 8), {.weight_method = "ternary"}},
      {bits(3, 3), {.weight_method = "dorefa", .value_method = "dorefa"}},
      {bits(8, 8), {.weight_method = "dorefa"}},
      {bits(4, 4), {.weight_method = "lsq", .value_method = "pact"}},
      {bits(8, 8), {.weight_method = "lsq"}},
  };
  return methods;
}

class MethodsTest : public SmallProblem {
 protected:
  // Of one thread: the many steps of so little work would wait for each other on several.
  static TrainConfig OfOneThread() {
    TrainConfig config = SmallConfig();
    config.threads = 1;
    return config;
  }
  TrainRequest Request(const Graph& network) const {
    TrainRequest request = SmallProblem::Request(network);
    request.config = OfOneThread();
    return request;
  }

  // On `same` test images at least the same class; on all instruction sets, where weights are
  // codes, the same bits.
  void ExpectTheRuntimeAgrees(const TrainOutcome& outcome, const data::Dataset& test, int64_t same,
                              bool quantized = true) {
    const GraphModule frozen(outcome.network, {.frozen = true}, torch::kCPU);
    EXPECT_EQ(frozen.Snapshot(), outcome.network);
    const auto outputs = Predict(outcome.network, test, OfOneThread());
    ASSERT_TRUE(outputs) << outputs.error().message;
    const size_t classes = test.class_names.size();
    const std::vector<int> expected = Classes(*outputs, classes);
    std::vector<float> images;
    for (const uint8_t pixel : test.images) images.push_back(static_cast<float>(pixel) / 255.0f);
    const std::vector<float> all =
        runtime::RunGraph(outcome.network, images, test.size(), {.isa = DetectIsa()});
    const int64_t some = std::min<int64_t>(test.size(), 500);  // the slow ones take their time
    const std::vector<float> first(all.begin(), all.begin() + some * classes);
    images.resize(images.size() / test.size() * some);
    for (Isa isa : SupportedIsas()) {
      if (!quantized) break;
      EXPECT_TRUE(runtime::RunGraph(outcome.network, images, some, {.isa = isa}) == first)
          << IsaName(isa);
    }
    const std::vector<int> found = Classes(all, classes);
    int64_t equal = 0;
    for (size_t i = 0; i < found.size(); ++i) equal += found[i] == expected[i] ? 1 : 0;
    EXPECT_GE(equal, same);
  }

  // Trains the request's network in float, then by each method.
  void ExpectEveryMethodRuns(const TrainRequest& request, double accuracy, int64_t same) {
    const auto floats = Train(request, silent_);
    ASSERT_TRUE(floats) << floats.error().message;
    for (const Method& method : Methods()) {
      const QuantizationConfig& c = method.config;
      SCOPED_TRACE(testing::Message()
                   << "W" << method.policy.weight_bits << "A" << method.policy.activation_bits
                   << " " << c.binary_method << " " << c.weight_method << " " << c.value_method
                   << " " << c.sign_gradient << (method.policy.per_channel ? "" : " per layer"));
      const auto quantized = InsertQuantizers(floats->network, method.policy);
      ASSERT_TRUE(quantized);
      TrainRequest low = request;
      low.network = &*quantized;
      low.teacher = &floats->network;
      low.calibrate = true;
      low.config.quantization = c;
      low.config.average_decay = method.average_decay;
      const auto outcome = Train(low, silent_);
      ASSERT_TRUE(outcome) << outcome.error().message;
      EXPECT_GT(outcome->test_accuracy, accuracy);
      ExpectTheRuntimeAgrees(*outcome, *request.test, same,
                             method.policy.weight_bits != kFloatBits);
    }
  }
};

TEST_F(MethodsTest, LearnAndRunInIntegers) {
  const Graph network = SmallNetwork();
  ExpectEveryMethodRuns(Request(network), 0.9, test_.size());
}

// What the tool promises of a whole test set.
TEST_F(MethodsTest, AgreeOnTenThousandRealImages) {
  const auto train = data::LoadDataset("fashion-mnist", data::Split::kTrain);
  const auto test = data::LoadDataset("fashion-mnist", data::Split::kTest);
  if (!train && train.error().code == ErrorCode::kNotFound) {
    GTEST_SKIP() << "skipped: Fashion-MNIST is not installed (Debian's dataset-fashion-mnist)";
  }
  ASSERT_TRUE(train) << train.error().message;
  ASSERT_TRUE(test) << test.error().message;
  const Graph network = SmallNetwork(28, 10);
  TrainRequest request = Request(network);
  request.train = &*train;
  request.test = &*test;
  request.config.epochs = 1;
  request.config.train_limit = 60 * request.config.batch_size;
  ASSERT_EQ(test->size(), 10000);
  ExpectEveryMethodRuns(request, 0.3, 9990);
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
  ExpectTheRuntimeAgrees(*outcome, test_, test_.size());
}

// VGG-small pools before them.
TEST(NormalizedWeights, FindTheirBatchNormBehindAPool) {
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
