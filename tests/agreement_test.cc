// The trainer's forward pass and the runtime give the same answers: on the zoo at
// every precision, and on real test images. (Each operator: train_test.)
#include "agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <random>

#include "base/cpu.h"
#include "format/sgn.h"
#include "graph/passes/insert_quantizers.h"
#include "quant/freeze_weights.h"
#include "signum/signum.h"
#include "train/trainer.h"
#include "zoo/zoo.h"

namespace signum {
namespace {

// Images of smooth random shapes: noise alone would excite no channel much.
data::Dataset RandomImages(const Shape& shape, int64_t count, int64_t classes) {
  std::mt19937 random(11);
  data::Dataset set{.name = "random", .image_shape = shape};
  for (int64_t i = 0; i < count; ++i) {
    set.labels.push_back(static_cast<int32_t>(random() % classes));
    const double a = random() % 1000 / 250.0, b = random() % 1000 / 250.0;
    for (int64_t c = 0; c < shape[0]; ++c) {
      for (int64_t y = 0; y < shape[1]; ++y) {
        for (int64_t x = 0; x < shape[2]; ++x) {
          const double wave = std::sin(a * y + c) * std::cos(b * x - c);
          set.images.push_back(static_cast<uint8_t>(100 + 70 * wave + random() % 60));
        }
      }
    }
  }
  for (int64_t c = 0; c < classes; ++c) set.class_names.push_back("class " + std::to_string(c));
  return set;
}

// Statistics and scales as training would leave them: none of them round numbers.
Graph Trained(Graph graph, const data::Dataset& images) {
  struct Silent : train::Observer {
  } observer;
  train::TrainConfig config;
  config.epochs = 1;
  config.batch_size = 16;
  config.learning_rate = 0.01;
  config.crop_padding = 0;
  config.reestimate_batches = 4;
  const auto outcome = train::Train(
      {.network = &graph, .train = &images, .test = &images, .config = config, .calibrate = true},
      observer);
  EXPECT_TRUE(outcome) << outcome.error().message;
  return outcome ? outcome->network : graph;
}

std::vector<float> Runtime(const Graph& graph, const data::Dataset& images) {
  const std::vector<uint8_t> bytes = SerializeSgn(graph);
  const auto model = Model::Parse(bytes.data(), bytes.size());
  EXPECT_TRUE(model) << model.error().message;
  auto session = Session::Create(*model, {.threads = 2, .max_batch = 16});
  EXPECT_TRUE(session) << session.error().message;
  std::vector<float> pixels(images.images.size());
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = images.images[i] / 255.0f;
  std::vector<float> outputs(images.size() * model->output_size());
  const Status ran = session->Run(pixels, images.size(), outputs);
  EXPECT_TRUE(ran) << ran.error().message;
  return outputs;
}

// The largest difference, in units of the outputs' standard deviation.
double Difference(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0, squares = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += a[i];
    squares += double{a[i]} * a[i];
    largest = std::max(largest, std::fabs(double{a[i]} - b[i]));
  }
  const double mean = sum / static_cast<double>(a.size());
  return largest / std::sqrt(squares / static_cast<double>(a.size()) - mean * mean);
}

struct Case {
  const char* network;
  const char* variant;
  int weight_bits, activation_bits, edge_bits;
  int residual_bits = kFloatBits;
};

// For GoogleTest, which else prints the bytes, pointers included.
void PrintTo(const Case& c, std::ostream* stream) {
  *stream << c.network << " " << c.variant << " W" << c.weight_bits << "A" << c.activation_bits;
}

std::string CaseName(const ::testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  std::string name = std::string(c.network) + "_" + c.variant + "_W" +
                     std::to_string(c.weight_bits) + "A" + std::to_string(c.activation_bits) +
                     "_edges" + std::to_string(c.edge_bits);
  if (c.residual_bits != kFloatBits) name += "_residuals" + std::to_string(c.residual_bits);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class ZooAgreement : public ::testing::TestWithParam<Case> {};

TEST_P(ZooAgreement, TrainerAndRuntimeGiveTheSameOutputs) {
  const Case& c = GetParam();
  const data::Dataset images = RandomImages({3, 32, 32}, 64, 10);
  const auto network = zoo::BuildZoo(
      c.network,
      {.variant = c.variant, .mean = {.49f, .48f, .45f}, .deviation = {.25f, .24f, .26f}});
  ASSERT_TRUE(network) << network.error().message;
  Graph graph = *network;
  if (c.weight_bits != kFloatBits) {
    const auto quantized = InsertQuantizers(graph, {.weight_bits = c.weight_bits,
                                                    .activation_bits = c.activation_bits,
                                                    .edges = {c.edge_bits, c.edge_bits},
                                                    .residual_bits = c.residual_bits});
    ASSERT_TRUE(quantized) << quantized.error().message;
    graph = *quantized;
  }
  graph = Trained(std::move(graph), images);
  const auto trainer = train::Predict(graph, images, {});
  ASSERT_TRUE(trainer) << trainer.error().message;
  const std::vector<float> runtime = Runtime(graph, images);
  const apps::Agreement agreement = apps::Compare(*trainer, runtime, images);
  if (c.weight_bits == kFloatBits) {
    EXPECT_LT(Difference(*trainer, runtime), 1e-3);
  } else {
    // Where a float lies within rounding of the border between two codes the two
    // may choose differently; what that changes grows with the distance of codes.
    EXPECT_LT(Difference(*trainer, runtime), std::min(1.0, 0.1 * (1 << (8 - c.activation_bits))));
  }
  EXPECT_GE(agreement.same_class, agreement.images - 1);
}

INSTANTIATE_TEST_SUITE_P(
    Zoo, ZooAgreement,
    ::testing::Values(
        Case{"lenet", "", kFloatBits, 8, 8}, Case{"lenet", "", 1, 8, 8},
        Case{"lenet", "", 4, 4, kFloatBits}, Case{"lenet", "", 1, 1, 8},
        Case{"resnet20", "projection", kFloatBits, 8, 8}, Case{"resnet20", "projection", 1, 8, 8},
        Case{"resnet20", "projection", 1, 8, kFloatBits}, Case{"resnet20", "projection", 1, 4, 8},
        Case{"resnet20", "projection", 8, 8, 8}, Case{"resnet20", "projection", 3, 6, 8},
        Case{"resnet20", "projection", 1, 1, 8}, Case{"resnet20", "projection", 1, 1, 8, 8},
        Case{"resnet20", "keras", 1, 8, 8}, Case{"resnet20", "pad", 1, 8, 8},
        Case{"resnet20", "pad", kFloatBits, 8, 8}),
    CaseName);

// A trained model of models/ on all real test images: the promise that `signum
// quantize` prints, held to its bound.
void ExpectAgreementOnRealImages(const std::string& model_path, const std::string& dataset,
                                 const std::string& folder) {
  const auto images = data::LoadDataset(dataset, data::Split::kTest, folder);
  ASSERT_TRUE(images) << images.error().message;
  const auto graph = ReadSgn(model_path);
  ASSERT_TRUE(graph) << graph.error().message;
  const auto trainer = train::Predict(*graph, *images, {});
  ASSERT_TRUE(trainer) << trainer.error().message;
  const auto runtime = apps::RuntimeOutputs(model_path, /*bits=*/0, *images, 0, AvailableCores());
  ASSERT_TRUE(runtime) << runtime.error().message;
  const apps::Agreement agreement = apps::Compare(*trainer, *runtime, *images);
  EXPECT_EQ(agreement.images, 10000);
  EXPECT_GE(agreement.same_class, 9990);
  EXPECT_NEAR(agreement.trainer_accuracy, agreement.runtime_accuracy, 0.0005);
}

TEST(RealImages, FashionMnist) {
  if (!data::LoadDataset("fashion-mnist", data::Split::kTest)) {
    GTEST_SKIP() << "skipped: Fashion-MNIST is not installed (Debian's dataset-fashion-mnist)";
  }
  ExpectAgreementOnRealImages(SIGNUM_MODELS "/resnet20-w1a8-fashion-mnist.sgn", "fashion-mnist",
                              "");
}

TEST(RealImages, Cifar10) {
  const char* folder = std::getenv("SIGNUM_TEST_CIFAR10");
  if (folder == nullptr) {
    GTEST_SKIP() << "skipped: SIGNUM_TEST_CIFAR10 does not name a folder with CIFAR-10";
  }
  int models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SIGNUM_MODELS)) {
    const std::string path = entry.path().string();
    if (!path.ends_with("-cifar10.sgn")) continue;
    SCOPED_TRACE(path);
    ExpectAgreementOnRealImages(path, "cifar10", folder);
    ++models;
  }
  EXPECT_GE(models, 3);
}

}  // namespace
}  // namespace signum
