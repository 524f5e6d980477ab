#include "zoo/zoo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <set>

#include "graph/cost.h"
#include "zoo/initialize.h"

namespace signum::zoo {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

Graph Build(const std::string& name, const ZooOptions& options = {}) {
  Result<Graph> graph = BuildZoo(name, options);
  EXPECT_TRUE(graph.has_value()) << (graph ? "" : graph.error().message);
  return graph ? *std::move(graph) : Graph();
}

std::string ErrorOf(const std::string& name, const ZooOptions& options) {
  const Result<Graph> graph = BuildZoo(name, options);
  EXPECT_FALSE(graph.has_value());
  return graph ? "" : graph.error().message;
}

std::set<std::string> NodeNames(const Graph& graph) {
  std::set<std::string> names;
  for (const Node& node : graph.nodes()) names.insert(node.name);
  return names;
}

struct Known {
  const char* name;
  const char* variant;
  int64_t parameters, buffers, macs;
  int64_t classes = 10;
};

// For GoogleTest, which else prints the bytes, pointers included.
void PrintTo(const Known& known, std::ostream* stream) {
  *stream << known.name << " " << known.variant;
}

class KnownNetwork : public ::testing::TestWithParam<Known> {};

TEST_P(KnownNetwork, HasTheKnownCounts) {
  ZooOptions options;
  options.variant = GetParam().variant;
  options.weights = false;
  const Graph graph = Build(GetParam().name, options);
  const NodeCost total = TotalCost(Costs(graph));
  EXPECT_EQ(total.parameters, GetParam().parameters);
  EXPECT_EQ(total.buffers, GetParam().buffers);
  EXPECT_EQ(total.macs, GetParam().macs);
  const Result<std::vector<Shape>> shapes = InferShapes(graph, 7);
  ASSERT_TRUE(shapes.has_value());
  EXPECT_EQ(shapes->back(), (Shape{7, GetParam().classes}));
}

std::string KnownName(const ::testing::TestParamInfo<Known>& info) {
  // GoogleTest takes letters, digits and underscores only.
  std::string name = info.param.name;
  if (*info.param.variant != 0) name += "_" + std::string(info.param.variant);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// Parameters and MACs follow from the layer sizes by hand; ResNet depths 20 to
// 110 agree with table 6 of the paper (0.27, 0.46, 0.66, 0.85 and 1.7 million).
INSTANTIATE_TEST_SUITE_P(Small, KnownNetwork,
                         ::testing::Values(Known{"lenet", "", 62006, 0, 651720},
                                           Known{"alexnet-cifar", "", 23272266, 0, 62742528},
                                           Known{"vgg-small", "", 4660106, 3584, 607600640},
                                           Known{"vgg-small", "hardtanh", 4660106, 3584, 607600640},
                                           Known{"resnet20", "", 272474, 1568, 40813184},
                                           Known{"resnet20", "projection", 272474, 1568, 40813184},
                                           Known{"resnet20", "keras", 273066, 1376, 40813184},
                                           Known{"resnet20", "pad", 269722, 1376, 40551040},
                                           Known{"resnet32", "pad", 464154, 2272, 68862592},
                                           Known{"resnet44", "pad", 658586, 3168, 97174144},
                                           Known{"resnet56", "pad", 853018, 4064, 125485696},
                                           Known{"resnet110", "pad", 1727962, 8096, 252887680}),
                         KnownName);

// Counted on torchvision's modules; MobileNetV1 agrees with table 4 of its paper
// (4.2 million parameters, 569 million MACs).
INSTANTIATE_TEST_SUITE_P(
    ImageNet, KnownNetwork,
    ::testing::Values(Known{"alexnet", "", 61100840, 0, 714188480, 1000},
                      Known{"resnet18", "", 11689512, 9600, 1814073344, 1000},
                      Known{"resnet34", "", 21797672, 17024, 3663761408, 1000},
                      Known{"resnet50", "", 25557032, 53120, 4089184256, 1000},
                      Known{"mobilenet-v1", "", 4231976, 21888, 568740352, 1000},
                      Known{"mobilenet-v2", "", 3504872, 34112, 300774272, 1000},
                      Known{"efficientnet-b0", "", 5288548, 42016, 385814752, 1000}),
    KnownName);

TEST(ZooTest, AlexNetForTenClasses) {
  const Graph graph = Build("alexnet", {.classes = 10, .weights = false});
  EXPECT_EQ(TotalCost(Costs(graph)).macs, 710133440);
}

TEST(ZooTest, ResNetNamesFollowTheStateDict) {
  const std::set<std::string> names = NodeNames(Build("resnet20"));
  for (const char* name : {"conv1", "bn1", "layer1.0.conv1", "layer1.0.bn1", "layer2.0.shortcut.0",
                           "layer2.0.shortcut.1", "layer3.2.conv2", "linear"}) {
    EXPECT_THAT(names, Contains(name));
  }
  EXPECT_EQ(names.count("layer1.0.shortcut.0"), 0u);
}

TEST(ZooTest, OtherNamesFollowTheStateDict) {
  const std::set<std::string> v1 = NodeNames(Build("mobilenet-v1", {.weights = false}));
  for (const char* name :
       {"model.0.0", "model.0.1", "model.1.0", "model.13.3", "model.13.4", "fc"}) {
    EXPECT_THAT(v1, Contains(name));
  }
  const std::set<std::string> vgg = NodeNames(Build("vgg-small", {.weights = false}));
  for (const char* name : {"conv0", "bn0", "conv5", "bn5", "fc"}) EXPECT_THAT(vgg, Contains(name));
}

TEST(ZooTest, TakesOtherSizesChannelsAndClasses) {
  for (const std::string& name : ZooNames()) {
    ZooOptions options;
    options.weights = false;
    options.channels = 1;
    options.height = name == "alexnet" ? 64 : 28;
    options.width = name == "alexnet" ? 250 : 45;
    options.classes = 7;
    options.mean = {0.5f};
    options.deviation = {0.25f};
    const Graph graph = Build(name, options);
    const Result<std::vector<Shape>> shapes = InferShapes(graph);
    ASSERT_TRUE(shapes.has_value()) << name << ": " << shapes.error().message;
    EXPECT_EQ(shapes->back(), (Shape{1, 7})) << name;
    EXPECT_EQ(graph.input_shape(), (Shape{1, 1, options.height, options.width}));
    EXPECT_TRUE(std::holds_alternative<NormalizeOp>(graph.node(1).op));
  }
}

TEST(ZooTest, ResNetVariantsTakeOddSizes) {
  for (const char* variant : {"projection", "keras", "pad"}) {
    ZooOptions options;
    options.height = 1;
    options.width = 33;
    options.variant = variant;
    EXPECT_EQ(Build("resnet20", options).input_shape(), (Shape{1, 3, 1, 33}));
  }
}

TEST(ZooTest, SmallInputNamesTheLayer) {
  ZooOptions options;
  options.height = options.width = 12;
  EXPECT_THAT(ErrorOf("lenet", options), HasSubstr("node 'conv2'"));
  options.height = options.width = 8;
  EXPECT_THAT(ErrorOf("alexnet-cifar", options), HasSubstr("node 'features.12'"));
}

TEST(ZooTest, AlexNetTakesSizesThatPoolEvenly) {
  const auto pooled = [](int64_t height, int64_t width) {
    const Graph graph = Build("alexnet", {.height = height, .width = width, .weights = false});
    std::vector<std::string> names;
    for (const Node& node : graph.nodes()) {
      if (node.name.starts_with("avgpool")) names.push_back(node.name);
    }
    return names;
  };
  using ::testing::ElementsAre;
  for (const int64_t size : {223, 224, 254}) EXPECT_THAT(pooled(size, size), ElementsAre());
  for (const int64_t size : {415, 446, 607})
    EXPECT_THAT(pooled(size, size), ElementsAre("avgpool"));
  for (const int64_t size : {63, 95, 158}) {
    EXPECT_THAT(pooled(size, size), ElementsAre("avgpool.upsample"));
  }
  EXPECT_THAT(pooled(63, 415), ElementsAre("avgpool.upsample", "avgpool"));
  for (const int64_t size : {159, 222, 255, 414}) {
    EXPECT_THAT(ErrorOf("alexnet", {.height = 224, .width = size, .weights = false}),
                HasSubstr("63 to 158, 223 to 254"));
  }
  EXPECT_THAT(ErrorOf("alexnet", {.height = 62, .width = 62, .weights = false}),
              HasSubstr("node 'features.12'"));
}

TEST(ZooTest, HugeInputNamesTheLayer) {
  ZooOptions options;
  options.height = options.width = 4096;
  EXPECT_THAT(ErrorOf("alexnet-cifar", options), HasSubstr("layer 'classifier.1'"));
}

TEST(ZooTest, RefusesWhatDoesNotFit) {
  ZooOptions options;
  options.variant = "keras";
  EXPECT_THAT(ErrorOf("lenet", options), HasSubstr("no variants"));
  options.variant = "padding";
  EXPECT_THAT(ErrorOf("resnet20", options), HasSubstr("projection, keras, pad"));
  options = {};
  options.classes = -1;
  EXPECT_THAT(ErrorOf("resnet20", options), HasSubstr("at least 1"));
  options = {};
  options.height = -3;
  EXPECT_THAT(ErrorOf("resnet20", options), HasSubstr("below 1"));
  options = {};
  options.mean = {0, 0, 0};
  EXPECT_THAT(ErrorOf("resnet20", options), HasSubstr("give both or none"));
  options.deviation = {1, 1, 0};
  EXPECT_THAT(ErrorOf("resnet20", options), HasSubstr("above 0"));
  options.mean = options.deviation = {1};
  EXPECT_THAT(ErrorOf("resnet20", options), HasSubstr("one per channel"));
}

TEST(ZooTest, UnknownNameSuggestsTheNearest) {
  EXPECT_THAT(ErrorOf("resnet21", {}), HasSubstr("did you mean 'resnet20'?"));
  EXPECT_THAT(ErrorOf("lenett", {}), HasSubstr("did you mean 'lenet'?"));
  EXPECT_THAT(ErrorOf("mobilenet_v2", {}), HasSubstr("did you mean 'mobilenet-v2'?"));
  EXPECT_THAT(ErrorOf("EfficientNetB0", {}), HasSubstr("did you mean 'efficientnet-b0'?"));
  EXPECT_THAT(ErrorOf("resnet17", {}), HasSubstr("did you mean 'resnet18'?"));
}

TEST(ZooTest, WeightsLeftOutCannotBeRead) {
  const Graph graph = Build("lenet", {.weights = false});
  EXPECT_DEATH(graph.node(1).Find("weight")->floats(), "internal error");
}

TEST(ZooTest, LeavesOutWeights) {
  const Graph graph = Build("resnet20", {.weights = false}), whole = Build("resnet20");
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Tensor* weight = graph.node(id).Find("weight");
    if (WeightQuantizerSlot(graph.node(id).op) == nullptr) continue;
    EXPECT_FALSE(weight->has_values());
    EXPECT_EQ(weight->shape(), whole.node(id).Find("weight")->shape());
  }
  EXPECT_TRUE(Verify(graph).has_value());
  EXPECT_EQ(TotalCost(Costs(graph)).weight_bytes, TotalCost(Costs(whole)).weight_bytes);
}

TEST(ZooTest, SeedDecidesTheWeights) {
  ZooOptions other;
  other.seed = 1;
  EXPECT_EQ(Build("resnet20"), Build("resnet20"));
  EXPECT_FALSE(Build("resnet20") == Build("resnet20", other));
}

TEST(InitializeTest, ReproducesTheseBits) {
  const RandomStream stream(0, "conv1.weight");
  // Recorded once; every machine must get these exact values.
  EXPECT_EQ(stream.Uniform(0), 0x1.74607d7000957p-1);
  EXPECT_EQ(stream.Normal(0), 0x1.74c637b39d032p+0);
  EXPECT_EQ(stream.Normal(1), 0x1.12c6e928f1c04p-5);
}

TEST(InitializeTest, NormalAgreesWithTheCLibrary) {
  const RandomStream stream(3, "x");
  for (uint64_t i = 0; i < 10000; ++i) {
    const double expected = std::sqrt(-2 * std::log(1 - stream.Uniform(2 * i))) *
                            std::cos(2 * M_PI * stream.Uniform(2 * i + 1));
    ASSERT_NEAR(stream.Normal(i), expected, 1e-14) << i;
  }
}

TEST(InitializeTest, NormalHasItsMoments) {
  const Tensor tensor = NormalTensor(RandomStream(5, "y"), Shape{1000, 1000}, 0.5);
  double sum = 0, squares = 0, fourths = 0;
  for (const double x : tensor.floats()) {
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
  }
  EXPECT_NEAR(sum / 1e6, 0, 2e-3);
  EXPECT_NEAR(squares / 1e6, 0.25, 2e-3);
  EXPECT_NEAR(fourths / 1e6, 3 * 0.0625, 4e-3);
}

TEST(InitializeTest, LayersStartAsTheirNetworkHasThem) {
  const auto deviation = [](const Tensor& tensor) {
    double squares = 0;
    for (const double x : tensor.floats()) squares += x * x;
    return std::sqrt(squares / static_cast<double>(tensor.elements()));
  };
  const Shape convolution{64, 32, 3, 3}, linear{1000, 256};
  const auto weight = [](const Shape& shape, Initialization initialization) {
    return InitialWeight(0, "x", shape, initialization);
  };
  EXPECT_NEAR(deviation(weight(convolution, Initialization::kHe)), std::sqrt(2.0 / 576), 1e-3);
  EXPECT_NEAR(deviation(weight(convolution, Initialization::kPyTorch)), 1 / std::sqrt(3.0 * 288),
              1e-3);
  EXPECT_NEAR(deviation(weight(linear, Initialization::kNarrow)), 0.01, 1e-4);
  EXPECT_NEAR(deviation(weight(linear, Initialization::kFanOut)), 1 / std::sqrt(3000.0), 1e-4);
  EXPECT_EQ(InitialBias(0, "x", linear, Initialization::kFanOut), Tensor::Filled({1000}, 0));
  EXPECT_NEAR(deviation(InitialBias(0, "x", linear, Initialization::kPyTorch)),
              1 / std::sqrt(3.0 * 256), 3e-3);
}

TEST(InitializeTest, WeightsStayWithinPyTorchsBound) {
  const Graph graph = Build("lenet");
  for (const Node& node : graph.nodes()) {
    if (node.name != "fc1") continue;
    float largest = 0;
    for (const float w : node.Find("weight")->floats()) largest = std::max(largest, std::abs(w));
    EXPECT_LE(largest, 0.05f);  // 1 / sqrt(400)
    EXPECT_GT(largest, 0.0499f);
  }
}

}  // namespace
}  // namespace signum::zoo
