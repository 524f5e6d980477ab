#include "train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "graph/passes/insert_quantizers.h"
#include "runtime/testing/run_program.h"
#include "train/calibrate.h"
#include "train/graph_module.h"
#include "train/testing/small_problem.h"

namespace signum::train {
namespace {

using ::testing::HasSubstr;

class TrainerTest : public SmallProblem {
 protected:
  TrainerTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "signum-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~TrainerTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(TrainerTest, LearnsInFloatAndInOneBit) {
  const Graph network = SmallNetwork();
  const auto floats = Train(Request(network), silent_);
  ASSERT_TRUE(floats) << floats.error().message;
  EXPECT_GT(floats->test_accuracy, 0.9);

  for (int activation_bits : {8, 2, 1}) {
    const auto quantized =
        InsertQuantizers(floats->network, {.weight_bits = 1, .activation_bits = activation_bits});
    ASSERT_TRUE(quantized);
    TrainRequest request = Request(*quantized);
    request.teacher = &floats->network;
    request.calibrate = true;
    const auto binary = Train(request, silent_);
    ASSERT_TRUE(binary) << binary.error().message;
    EXPECT_GT(binary->test_accuracy, 0.9) << "with " << activation_bits << "-bit values";
    EXPECT_TRUE(Verify(binary->network)) << Verify(binary->network).error().message;
  }
}

// Stops the run, as an error would, after some epochs.
class StopAfter : public Observer {
 public:
  explicit StopAfter(int64_t epochs) : epochs_(epochs) {}
  Status OnEpoch(const EpochResult& result, const Graph&) override {
    if (result.epoch == epochs_) return IoError("stopped by the test");
    return {};
  }

 private:
  int64_t epochs_;
};

// What it reads is learned from, as if the network had none.
TEST_F(TrainerTest, ASoftmaxAtTheEndChangesNothing) {
  Graph network = SmallNetwork();
  const auto plain = Train(Request(network), silent_);
  ASSERT_TRUE(plain) << plain.error().message;
  network.Add("probabilities", SoftmaxOp{}, {network.output()});
  const auto softmax = Train(Request(network), silent_);
  ASSERT_TRUE(softmax) << softmax.error().message;
  EXPECT_EQ(softmax->test_loss, plain->test_loss);
  EXPECT_EQ(softmax->test_accuracy, plain->test_accuracy);
}

TEST_F(TrainerTest, EveryOptimizerAndScheduleLearns) {
  const Graph network = SmallNetwork();
  for (const char* optimizer : {"sgd", "adam", "adamw"}) {
    for (const char* schedule : {"constant", "multi-step", "cosine", "one-cycle"}) {
      TrainRequest request = Request(network);
      request.config.optimizer = optimizer;
      request.config.schedule = schedule;
      if (request.config.schedule != "one-cycle") request.config.warmup_epochs = 0.5;
      request.config.label_smoothing = 0.1;
      if (request.config.optimizer != "sgd") request.config.learning_rate = 0.01;
      const auto outcome = Train(request, silent_);
      ASSERT_TRUE(outcome) << outcome.error().message;
      EXPECT_GT(outcome->test_accuracy, 0.8) << optimizer << ", " << schedule;
    }
  }
}

TEST_F(TrainerTest, AResumedRunEndsInTheSameBits) {
  struct Setting {
    const char* optimizer;
    int weight_bits, activation_bits;
    QuantizationConfig config;  // with state of its own
  };
  const Setting settings[] = {
      {"sgd", 1, 8, {.theta = 0.01}},
      {"adamw", 1, 8, {.theta = 0.01}},
      {"sgd", 1, 1, {.binary_method = "ir-net", .sign_gradient = "ede"}},
      {"sgd", 1, 8, {.binary_method = "bop", .bop_gamma = 0.01, .bop_tau = 1e-4}},
      {"sgd", 2, 4, {.weight_method = "lsq", .value_method = "pact"}},
      {"adamw", 1, 4, {.binary_method = "recu", .value_method = "dorefa"}},
      {"sgd", 1, 4, {.binary_method = "adabin"}},
  };
  for (const Setting& setting : settings) {
    const Graph network = *InsertQuantizers(
        SmallNetwork(),
        {.weight_bits = setting.weight_bits, .activation_bits = setting.activation_bits});
    const std::string optimizer = setting.optimizer;
    TrainRequest request = Request(network);
    request.calibrate = true;
    request.config.optimizer = optimizer;
    request.config.quantization = setting.config;
    request.config.learning_rate = 0.01;
    request.config.average_decay = setting.weight_bits == 2 ? 0.99 : 0;
    request.config.learn_scales = setting.weight_bits == 2;
    const auto whole = Train(request, silent_);
    ASSERT_TRUE(whole) << whole.error().message;

    request.checkpoint_path = folder_ + "/" + std::to_string(&setting - settings);
    StopAfter stop(1);
    ASSERT_FALSE(Train(request, stop));
    EXPECT_EQ(*EpochsDone(request.checkpoint_path), 1);
    request.resume = true;
    const auto resumed = Train(request, silent_);
    ASSERT_TRUE(resumed) << resumed.error().message;
    EXPECT_EQ(resumed->network, whole->network) << optimizer;
    EXPECT_EQ(resumed->test_loss, whole->test_loss);
  }
}

TEST_F(TrainerTest, DivergenceNamesEpochStepAndLayer) {
  const Graph network = SmallNetwork();
  TrainRequest request = Request(network);
  request.config.learning_rate = 1e3;
  request.config.weight_decay = 1;
  request.config.schedule = "constant";
  Graph bad = network;
  for (float& value : bad.node(2).parameters.at("weight").floats()) value = 3e38f;
  request.network = &bad;
  const auto outcome = Train(request, silent_);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("epoch 1, step 1: training diverged"));
  EXPECT_THAT(outcome.error().message, HasSubstr("layer 'conv1'"));
  EXPECT_THAT(outcome.error().message, HasSubstr("lower --lr"));
}

TEST_F(TrainerTest, ADeadLayerStopsTheRun) {
  const auto message = [&](const Graph& network, double theta) {
    TrainRequest request = Request(network);
    request.calibrate = true;
    request.config.batch_size = 4;  // steps enough to tell
    request.config.quantization.theta = theta;
    const auto outcome = Train(request, silent_);
    return outcome ? "" : outcome.error().message;
  };
  EXPECT_THAT(message(*InsertQuantizers(SmallNetwork(), {}), 100),
              HasSubstr("epoch 1: layer 'conv2' is dead: none of its 576 bits changed"));
  Graph zeros = *InsertQuantizers(SmallNetwork(), {.weight_bits = 2});
  for (NodeId id = 0; id < zeros.size(); ++id) {
    if (zeros.node(id).name != "bn1") continue;
    for (const char* role : {"weight", "bias"}) {
      for (float& value : zeros.node(id).parameters.at(role).floats()) value = 0;
    }
  }
  for (NodeId id = 0; id < zeros.size(); ++id) {
    if (zeros.node(id).name != "conv2") continue;
    for (float& value : zeros.node(id).parameters.at("weight").floats()) value = 0;
  }
  EXPECT_THAT(message(zeros, 0), HasSubstr("layer 'conv2' is dead: all its 576 codes are equal"));
}

TEST_F(TrainerTest, ThresholdsOfSignsLearnOrStayCalibrated) {
  const Graph network = *InsertQuantizers(SmallNetwork(), {.activation_bits = 1});
  // After 20 and after 40 steps.
  const auto shifts = [&](bool learn, int64_t epochs) {
    TrainRequest request = Request(network);
    request.calibrate = true;
    request.config.epochs = epochs;
    request.config.quantization.rsign = learn;
    const auto outcome = Train(request, silent_);
    EXPECT_TRUE(outcome) << outcome.error().message;
    std::vector<float> values;
    for (const Node& node : outcome->network.nodes()) {
      const Tensor* shift = node.Find("shift");
      if (shift != nullptr)
        values.insert(values.end(), shift->floats().begin(), shift->floats().end());
    }
    return values;
  };
  EXPECT_EQ(shifts(false, 1), shifts(false, 2));
  EXPECT_NE(shifts(true, 1), shifts(true, 2));
  EXPECT_NE(shifts(false, 1), shifts(true, 1));
  EXPECT_THAT(shifts(false, 1), testing::Contains(testing::Gt(0.1f)));
}

TEST_F(TrainerTest, LayersMayHaveTheirOwnMethods) {
  const Graph network =
      *InsertQuantizers(SmallNetwork(), {.activation_bits = 4, .layers = {{"linear", {4, 4}}}});
  TrainRequest request = Request(network);
  request.calibrate = true;
  request.config.quantization.layers = {{"conv*", "binary-method", "bop"},
                                        {"conv2", "bop-tau", "1e-4"},
                                        {"linear", "weight-method", "dorefa"}};
  const auto outcome = Train(request, silent_);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_GT(outcome->test_accuracy, 0.9);
  for (const Node& node : outcome->network.nodes()) {
    // A bit more than asked for: DoReFa's codes are odd.
    if (node.name == "linear") {
      EXPECT_EQ(WeightQuantizerOf(node.op)->bits, 5);
    }
  }
  const auto refused = [&](LayerSetting setting) {
    request.config.quantization.layers = {std::move(setting)};
    const auto trained = Train(request, silent_);
    return trained ? "" : trained.error().message;
  };
  EXPECT_THAT(refused({"conv3", "binary-method", "bop"}), HasSubstr("is named 'conv3'"));
  EXPECT_THAT(refused({"linear", "binary-method", "bop"}), HasSubstr("needs weights of 1 bit"));
  EXPECT_THAT(refused({"conv2", "binary", "bop"}), HasSubstr("they may have binary-method"));
  EXPECT_THAT(refused({"conv2", "theta", "much"}), HasSubstr("theta cannot be 'much'"));
  EXPECT_THAT(refused({"conv2", "binary-method", "bob"}), HasSubstr("layer 'conv2'"));
}

TEST_F(TrainerTest, AnAverageOfTheStepsLearnsToo) {
  const Graph network = *InsertQuantizers(SmallNetwork(), {});
  TrainRequest request = Request(network);
  request.calibrate = true;
  const auto last = Train(request, silent_);
  request.config.average_decay = 0.9;
  const auto average = Train(request, silent_);
  ASSERT_TRUE(last && average);
  EXPECT_GT(average->test_accuracy, 0.9);
  EXPECT_NE(average->network, last->network);
  // The same steps, so the same best epoch.
  EXPECT_EQ(average->best_accuracy, last->best_accuracy);
}

TEST_F(TrainerTest, PrecisionsLearnOneSetOfWeights) {
  const Graph network = SmallNetwork();
  const Graph eight = *InsertQuantizers(network, {.weight_bits = 8, .activation_bits = 8});
  const Graph one = *InsertQuantizers(network, {.weight_bits = 1, .activation_bits = 1});
  TrainRequest request = Request(network);
  request.narrower = {&eight, &one};
  request.calibrate = true;
  request.config.reestimate_batches = 0;  // the last epoch's network is the outcome
  struct : Observer {
    Status OnEpoch(const EpochResult& epoch, const Graph&) override {
      result = epoch;
      return {};
    }
    EpochResult result;
  } last;
  const auto whole = Train(request, last);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_GT(whole->test_accuracy, 0.9);
  ASSERT_EQ(whole->narrower.size(), 2u);
  ASSERT_EQ(last.result.narrower_accuracies.size(), 2u);
  for (size_t precision = 0; precision < 2; ++precision) {
    const Graph& graph = whole->narrower[precision];
    const auto outputs = Predict(graph, test_, request.config);
    ASSERT_TRUE(outputs);
    const std::vector<int> classes = Classes(*outputs);
    int64_t right = 0;
    for (size_t i = 0; i < classes.size(); ++i) right += classes[i] == test_.labels[i];
    const double accuracy = static_cast<double>(right) / static_cast<double>(classes.size());
    EXPECT_GT(accuracy, 0.85);
    EXPECT_DOUBLE_EQ(last.result.narrower_accuracies[precision], accuracy);
  }
  // The codes of the shared weights, under norms of their own.
  const GraphModule again(*InsertQuantizers(whole->network, {.weight_bits = 1}), {}, torch::kCPU);
  const Graph codes = again.Snapshot();
  const auto named = [](const Graph& graph, const char* name) -> const Node& {
    for (const Node& node : graph.nodes()) {
      if (node.name == name) return node;
    }
    return graph.node(0);
  };
  EXPECT_EQ(named(whole->narrower[1], "conv2").parameters, named(codes, "conv2").parameters);
  EXPECT_NE(named(whole->narrower[1], "bn2").parameters, named(codes, "bn2").parameters);

  request.config.quantization.binary_method = "bop";
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("no latent weights"));
  request.config.quantization.binary_method = "adabin";
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("adds layers"));
  request.config.quantization = {.weight_method = "lsq", .sign_gradient = "bi-real"};
  EXPECT_TRUE(CheckRequest(request)) << "each has a use at one precision";
  request.config.quantization = {};
  request.checkpoint_path = folder_ + "/precisions";
  StopAfter stop(1);
  ASSERT_FALSE(Train(request, stop));
  request.resume = true;
  const auto resumed = Train(request, silent_);
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->network, whole->network);
  EXPECT_EQ(resumed->narrower, whole->narrower);
}

TEST_F(TrainerTest, LatentsAreWhatCodesCameFrom) {
  const Graph network = *InsertQuantizers(SmallNetwork(), {});
  TrainRequest request = Request(network);
  request.calibrate = true;
  const auto outcome = Train(request, silent_);
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_TRUE(Verify(outcome->latents)) << Verify(outcome->latents).error().message;
  for (const Node& node : outcome->latents.nodes()) {
    EXPECT_EQ(WeightQuantizerOf(node.op), nullptr) << node.name;
  }
  // Quantized once more, the network is what it was, and calibration has nothing to set.
  Graph next = *InsertQuantizers(outcome->latents, {});
  TakeScales(outcome->latents, next);
  GraphModule again(next, {}, torch::kCPU);
  CalibrateQuantizers(again, torch::rand({4, 1, 8, 8}));
  const Graph codes = again.Snapshot();
  for (NodeId id = 0; id < codes.size(); ++id) {
    EXPECT_EQ(codes.node(id).parameters, outcome->network.node(id).parameters)
        << codes.node(id).name;
  }
}

TEST_F(TrainerTest, SanityTellsWhatLearnsFromWhatDoesNot) {
  Graph network = SmallNetwork();
  TrainRequest request = Request(network);
  const auto sane = CheckSanity(request);
  ASSERT_TRUE(sane) << sane.error().message;
  EXPECT_TRUE(sane->passed()) << sane->first_loss << " to " << sane->last_loss;
  EXPECT_NEAR(sane->chance, std::log(3), 1e-9);
  // Nothing comes through a ReLU whose values are all far below zero.
  for (NodeId id = 0; id < network.size(); ++id) {
    if (network.node(id).name != "bn2") continue;
    for (float& value : network.node(id).parameters.at("bias").floats()) value = -1e6f;
  }
  EXPECT_FALSE(CheckSanity(request)->passed());
}

TEST_F(TrainerTest, RefusesWhatDoesNotFit) {
  const Graph network = SmallNetwork();
  TrainRequest request = Request(network);
  data::Dataset other = test_;
  other.image_shape = {1, 4, 16};
  request.test = &other;
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("takes images of 1x8x8"));
  request = Request(network);
  request.config.schedule = "cosin";
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("--schedule cosin"));
  request = Request(network);
  request.config.quantization.binary_method = "irnet";
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("--binary-method irnet"));
  request.config.quantization = {.sign_gradient = "swish"};
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("--sign-gradient swish"));
  request.config.quantization = {.binary_method = "bop", .theta = 0.1};
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("--theta"));
  // Settings that would do nothing.
  request.config.quantization = {.binary_method = "ir-net"};
  EXPECT_THAT(Train(request, silent_).error().message,
              HasSubstr("--binary-method does nothing here, for it needs weights of 1 bit"));
  request.config.quantization = {.value_method = "pact"};
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("--value-method does nothing"));
  const Graph binary = *InsertQuantizers(network, {});
  request.network = &binary;
  request.config.quantization = {.sign_gradient = "ede"};
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("needs values of 1 bit"));
  request.config.quantization = {.bop_tau = 1};
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("needs --binary-method bop"));
  request.config.quantization = {.binary_method = "ir-net", .clip = false};
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("--no-clip does nothing"));
  const Graph all_binary = *InsertQuantizers(network, {.edges = {.weights = 1}});
  request.network = &all_binary;
  request.config.quantization = {.binary_method = "recu"};
  EXPECT_THAT(Train(request, silent_).error().message,
              HasSubstr("a batch norm behind a layer, which layer 'linear' has not"));
  const Graph first_step =
      *InsertQuantizers(network, {.weight_bits = kFloatBits, .activation_bits = 1});
  request = Request(first_step);
  request.config.quantization = {.sign_gradient = "ede"};
  EXPECT_TRUE(CheckRequest(request)) << CheckRequest(request).error().message;
  request.config.average_decay = 0.9;
  request.config.reestimate_batches = 0;
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("--average-decay"));
  request = Request(network);
  request.config.device = "cuda:9";
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("--device cuda:9"));
  request = Request(network);
  request.config.batch_size = 1024;
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("--batch-size 1024"));
  request = Request(network);
  request.resume = true;
  request.checkpoint_path = folder_ + "/none";
  EXPECT_THAT(Train(request, silent_).error().message, HasSubstr("no checkpoint"));
}

}  // namespace
}  // namespace signum::train
