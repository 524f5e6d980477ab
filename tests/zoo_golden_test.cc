// The zoo's networks are torchvision's: the same state_dict keys and shapes, and the
// same outputs for the same weights. The right answers are in golden/zoo.json, with
// how to make them in tools/make-zoo-goldens.py; they are checked in the runtime,
// through a model file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/file.h"
#include "format/sgn.h"
#include "signum/signum.h"
#include "zoo/initialize.h"
#include "zoo/zoo.h"

namespace signum {
namespace {

using Json = nlohmann::json;

Json Goldens() {
  const auto bytes = base::ReadFile(SIGNUM_GOLDEN "/zoo.json");
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes ? Json::parse(bytes->begin(), bytes->end()) : Json();
}

Tensor Uniform(const Json& goldens, const std::string& name, const Shape& shape, double low,
               double high) {
  const zoo::RandomStream stream(goldens["seed"].get<uint64_t>(), name);
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(low + (high - low) * stream.Uniform(i));
  }
  return Tensor(shape, std::move(values));
}

// The weights of parameter() in tools/make-zoo-goldens.py.
Tensor Draw(const Json& goldens, const std::string& key, const Shape& shape, double gain) {
  if (key.ends_with(".running_var")) return Uniform(goldens, key, shape, 0.5, 1.5);
  if (shape.rank() == 1) {
    return key.ends_with(".weight") ? Uniform(goldens, key, shape, 0.5, 1.5)
                                    : Uniform(goldens, key, shape, -0.25, 0.25);
  }
  const auto fan_in = static_cast<double>(shape.elements() / shape[0]);
  const double bound = std::sqrt(3 * gain / fan_in);
  return Uniform(goldens, key, shape, -bound, bound);
}

// By state_dict key, "64x3x7x7".
std::map<std::string, std::string> Keys(const Graph& graph) {
  std::map<std::string, std::string> keys;
  for (const Node& node : graph.nodes()) {
    for (const auto& [role, tensor] : node.parameters) {
      keys[node.name + "." + role] = tensor.shape().ToString();
    }
  }
  return keys;
}

// FNV-1a of "key shape;key shape;...", as digits.
std::string Digest(const std::map<std::string, std::string>& keys) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const auto& [key, shape] : keys) {
    for (const unsigned char c : key + " " + shape + ";") hash = (hash ^ c) * 0x100000001b3;
  }
  std::array<char, 17> digits;
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(hash));
  return digits.data();
}

std::vector<float> Outputs(const Graph& graph, std::span<const float> images, int64_t batch) {
  const std::vector<uint8_t> file = SerializeSgn(graph);
  const auto model = Model::Parse(file.data(), file.size());
  EXPECT_TRUE(model) << model.error().message;
  auto session = Session::Create(*model, {.threads = 2, .max_batch = batch});
  EXPECT_TRUE(session) << session.error().message;
  std::vector<float> outputs(batch * model->output_size());
  const Status ran = session->Run(images, batch, outputs);
  EXPECT_TRUE(ran) << ran.error().message;
  return outputs;
}

class ZooGolden : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    goldens_ = Goldens();
    for (const Json& network : goldens_["networks"]) {
      if (network["network"] == GetParam()) golden_ = network;
    }
    ASSERT_FALSE(golden_.is_null()) << "no golden outputs";
  }

  Json goldens_, golden_;
};

TEST_P(ZooGolden, HasTorchvisionsKeysAndShapes) {
  const auto graph = zoo::BuildZoo(GetParam(), {.weights = false});
  ASSERT_TRUE(graph) << graph.error().message;
  const std::map<std::string, std::string> keys = Keys(*graph);
  EXPECT_EQ(keys.size(), golden_["keys"]);
  EXPECT_EQ(Digest(keys), golden_["digest"]) << ::testing::PrintToString(keys);
}

TEST_P(ZooGolden, GivesTorchvisionsOutputs) {
  if (const auto allowed = AllowedIsa(); !allowed) GTEST_SKIP() << allowed.error().message;
  auto graph = zoo::BuildZoo(GetParam(), {.height = golden_["height"],
                                          .width = golden_["width"],
                                          .classes = golden_["classes"],
                                          .weights = false});
  ASSERT_TRUE(graph) << graph.error().message;
  for (NodeId id = 0; id < graph->size(); ++id) {
    Node& node = graph->node(id);
    for (auto& [role, tensor] : node.parameters) {
      tensor = Draw(goldens_, node.name + "." + role, tensor.shape(), golden_["gain"]);
    }
  }
  const auto expected = golden_["outputs"].get<std::vector<std::vector<double>>>();
  const auto batch = static_cast<int64_t>(expected.size());
  Shape images = graph->input_shape();
  images[0] = batch;
  const std::vector<float> outputs =
      Outputs(*graph, Uniform(goldens_, "image", images, -2, 2).floats(), batch);
  const size_t classes = expected[0].size();
  ASSERT_EQ(outputs.size(), expected.size() * classes);
  double scale = 0, difference = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const double golden = expected[i / classes][i % classes];
    scale = std::max(scale, std::fabs(golden));
    difference = std::max(difference, std::fabs(outputs[i] - golden));
  }
  EXPECT_LT(difference / scale, 1e-4);
  RecordProperty("difference", std::to_string(difference / scale));
}

INSTANTIATE_TEST_SUITE_P(Zoo, ZooGolden,
                         ::testing::Values("alexnet", "resnet18", "resnet34", "resnet50",
                                           "mobilenet-v2", "efficientnet-b0"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace signum
