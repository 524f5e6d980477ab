// What ImportOnnx refuses, and in which words: models beyond what a network of Signum
// can say, and models that contradict themselves.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "onnx/testing/model_builder.h"

namespace signum::onnx {
namespace {

using ::onnx::AttributeProto;
using ::onnx::TensorProto;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Message(const Result<OnnxImport>& imported, ErrorCode code) {
  if (imported) return "accepted";
  EXPECT_EQ(imported.error().code, code) << imported.error().message;
  return imported.error().message;
}
std::string Refusal(const ModelBuilder& model, const OnnxImportOptions& options = {}) {
  return Message(model.Import(options), ErrorCode::kUnsupported);
}
std::string Corruption(const ModelBuilder& model) {
  return Message(model.Import(), ErrorCode::kCorrupt);
}

void ExpectAccepted(const ModelBuilder& model, const OnnxImportOptions& options = {}) {
  const auto imported = model.Import(options);
  EXPECT_TRUE(imported) << imported.error().message;
}

// x {1, 2, 4, 4} -> y, by the nodes that a test adds.
ModelBuilder Open() {
  ModelBuilder model;
  model.Input("x", {1, 2, 4, 4}).Output("y");
  return model;
}

ModelBuilder OfOne(const std::string& op, const std::string& domain = "") {
  ModelBuilder model = Open();
  model.Node(op, {"x"}, {"y"}, domain);
  return model;
}

TEST(Refusal, NamesEveryNodeAtOnce) {
  ModelBuilder model = Open();
  model.Node("Relu", {"x"}, {"a"});
  model.Node("Einsum", {"a"}, {"first"});
  model.Node("Sigmoid", {"first"}, {"b"});
  model.Node("Lrn", {"b"}, {"second"}, "com.example");
  SetInt(model.Node("Transpose", {"a"}, {"third"}), "no_such_attribute", 1);
  model.Node("Concat", {"second", "third"}, {"y"});
  EXPECT_THAT(Refusal(model),
              AllOf(HasSubstr("3 nodes cannot be imported"),
                    HasSubstr("node 'first' (Einsum): there is no such operator"),
                    HasSubstr("node 'second' (com.example.Lrn): there is no such operator"),
                    HasSubstr("node 'third' (Transpose): "), HasSubstr("'no_such_attribute'"),
                    HasSubstr("; 2 nodes behind these were not looked at"),
                    Not(HasSubstr("Sigmoid")), Not(HasSubstr("Concat"))));
  ModelBuilder one = Open();
  one.Node("Einsum", {"x"}, {"a"});
  one.Node("Relu", {"a"}, {"y"});
  EXPECT_THAT(Refusal(one), AllOf(HasSubstr("1 node behind it was not looked at"),
                                  Not(HasSubstr("cannot be imported"))));
}

// The sizes of a layer's output do not depend on whether its weight fits its input.
TEST(Refusal, NamesEveryWeightThatDoesNotFit) {
  ModelBuilder model = Open();
  model.Floats("v", {3, 5, 1, 1}, std::vector<float>(15, 1)).Node("Conv", {"x", "v"}, {"a"});
  model.Floats("n", {4}, {1, 2, 3, 4});
  model.Node("BatchNormalization", {"a", "n", "n", "n", "n"}, {"b"});
  model.Floats("w", {9, 4, 1, 1}, std::vector<float>(36, 1));
  model.Node("ConvTranspose", {"b", "w"}, {"c"});
  model.Node("Flatten", {"c"}, {"d"});
  model.Floats("u", {7, 10}, std::vector<float>(70, 1)).Node("MatMul", {"d", "u"}, {"y"});
  EXPECT_THAT(Refusal(model),
              AllOf(HasSubstr("4 nodes cannot be imported"),
                    HasSubstr("node 'a' (Conv): a weight of 3x5x1x1 for a value of 1x2x4x4"),
                    HasSubstr("node 'b' (BatchNormalization): weight of float32 4 for a value of "
                              "1x3x4x4"),
                    HasSubstr("node 'c' (ConvTranspose): a weight of 9x4x1x1 for a value of "
                              "1x3x4x4"),
                    HasSubstr("node 'y' (MatMul): multiplies 1x64 by 7x10"),
                    Not(HasSubstr("not looked at"))));
}

TEST(Refusal, ManyNodesAreCounted) {
  ModelBuilder model = Open();
  std::string last = "x";
  for (int i = 0; i < 1000; ++i) {
    const std::string next = i == 999 ? "y" : fmt::format("n{}", i);
    model.Node("Einsum", {last}, {next});
    last = next;
  }
  const std::string message = Refusal(model);
  EXPECT_THAT(message, HasSubstr("1000 nodes cannot be imported"));
  EXPECT_THAT(message, HasSubstr("; and 980 more: 'n20' (Einsum), 'n21' (Einsum), "));
  EXPECT_THAT(message, HasSubstr("'n998' (Einsum), 'y' (Einsum)"));
  EXPECT_LT(message.size(), 20000u);
}

TEST(Refusal, MessagesAreBounded) {
  ModelBuilder model = Open();
  std::string last = "x";
  for (int i = 0; i < 1000; ++i) {
    const std::string next = i == 999 ? "y" : fmt::format("{}_{}", std::string(1000, 'n'), i);
    model.Node("Einsum", {last}, {next});
    last = next;
  }
  const std::string message = Refusal(model);
  EXPECT_THAT(message, HasSubstr(" others"));
  EXPECT_LT(message.size(), 64000u);
}

TEST(Refusal, OperatorsThatAreNotNeededDoNotMatter) {
  ModelBuilder model = OfOne("Relu");
  model.Node("Einsum", {"x"}, {"unused"});
  ExpectAccepted(model);
}

TEST(Refusal, SubgraphsAreRefusedByName) {
  for (const char* op : {"If", "Loop", "Scan"}) {
    ModelBuilder model = Open();
    auto& body =
        *AddAttribute(model.Node(op, {"x"}, {"y"}), "body", AttributeProto::GRAPH).mutable_g();
    body.add_output()->set_name("x");
    EXPECT_THAT(Refusal(model), HasSubstr(fmt::format("node 'y' ({})", op)));
  }
}

TEST(Refusal, FunctionsOfTheModelAreRefusedByName) {
  ModelBuilder model = OfOne("Twice", "local");
  model.Opset("local", 1);
  auto& function = *model.model().add_functions();
  function.set_name("Twice");
  function.set_domain("local");
  EXPECT_THAT(Refusal(model), HasSubstr("node 'y' (local.Twice)"));
}

TEST(Refusal, DomainsAreTold) {
  // The operators of ONNX under another domain are others.
  EXPECT_THAT(Refusal(OfOne("Relu", "com.example")), HasSubstr("com.example.Relu"));
  ExpectAccepted(OfOne("Relu", "ai.onnx"));
}

TEST(Refusal, AttributesThatNobodyKnows) {
  ModelBuilder model = Open();
  SetInt(model.Node("Relu", {"x"}, {"y"}), "sparkle", 1);
  EXPECT_THAT(Refusal(model), AllOf(HasSubstr("node 'y' (Relu)"), HasSubstr("'sparkle'")));
  ModelBuilder folded = Open();
  folded.Integers("list", {1, 2, 4, 4});
  SetInt(folded.Node("Identity", {"list"}, {"shape"}), "sparkle", 1);
  folded.Node("Reshape", {"x", "shape"}, {"y"});
  EXPECT_THAT(Refusal(folded), AllOf(HasSubstr("node 'shape' (Identity)"), HasSubstr("'sparkle'")));
}

TEST(Refusal, OutputsThatAreNotMade) {
  ModelBuilder model = Open();
  model.Floats("one", {1}, {1});
  SetInts(model.Node("MaxPool", {"x"}, {"pooled", "indices"}), "kernel_shape", {2, 2});
  model.Node("Relu", {"indices"}, {"y"});
  EXPECT_THAT(Refusal(model), AllOf(HasSubstr("'indices'"), HasSubstr("node 'pooled' (MaxPool)")));
}

TEST(Refusal, WrongNumbersOfInputs) {
  EXPECT_THAT(Refusal(OfOne("Add")), HasSubstr("node 'y' (Add)"));
  ModelBuilder many = Open();
  many.Node("Relu", {"x", "x"}, {"y"});
  EXPECT_THAT(Refusal(many), HasSubstr("node 'y' (Relu)"));
  ModelBuilder hole = Open();
  hole.Node("Add", {"", "x"}, {"y"});
  EXPECT_THAT(Refusal(hole), HasSubstr("node 'y' (Add)"));
}

TEST(Refusal, Cycles) {
  ModelBuilder model = Open();
  model.Node("Add", {"x", "c"}, {"a"});
  model.Node("Relu", {"a"}, {"b"});
  model.Node("Relu", {"b"}, {"c"});
  model.Node("Relu", {"c"}, {"y"});
  EXPECT_THAT(Corruption(model), HasSubstr("reads, through others, what it gives itself"));
  ModelBuilder itself = Open();
  itself.Node("Add", {"x", "y"}, {"y"});
  EXPECT_THAT(Corruption(itself), HasSubstr("node 'y' (Add)"));
}

TEST(Refusal, NodesInAnyOrderAreNone) {
  ModelBuilder model = Open();
  model.Node("Relu", {"b"}, {"y"});
  model.Node("Add", {"x", "a"}, {"b"});
  model.Node("Sigmoid", {"x"}, {"a"});
  ExpectAccepted(model);
}

TEST(Refusal, LongChainsAreNone) {
  ModelBuilder model = Open();
  std::string last = "x";
  for (int i = 0; i < 20000; ++i) {
    const std::string next = i == 19999 ? "y" : fmt::format("n{}", i);
    model.Node("Relu", {last}, {next});
    last = next;
  }
  ExpectAccepted(model);
}

TEST(Refusal, TensorsThatNobodyGives) {
  ModelBuilder model = Open();
  model.Node("Conv", {"x", "weight", "bias"}, {"y"});
  EXPECT_THAT(Corruption(model), AllOf(HasSubstr("'weight'"), HasSubstr("'bias'")));
  EXPECT_THAT(Corruption(Open()), HasSubstr("'y'"));
}

TEST(Refusal, TensorsThatAreGivenTwice) {
  ModelBuilder nodes = OfOne("Relu");
  nodes.Node("Sigmoid", {"x"}, {"y"});
  EXPECT_THAT(Corruption(nodes), HasSubstr("gives the tensor 'y' twice"));
  ModelBuilder input = OfOne("Relu");
  input.Node("Sigmoid", {"y"}, {"x"});
  EXPECT_THAT(Corruption(input), HasSubstr("gives the tensor 'x' twice"));
  ModelBuilder initializer = OfOne("Relu");
  initializer.Floats("y", {1}, {1});
  EXPECT_THAT(Corruption(initializer), HasSubstr("gives the tensor 'y' twice"));
  ModelBuilder initializers = OfOne("Relu");
  initializers.Floats("w", {1}, {1}).Floats("w", {1}, {2});
  EXPECT_THAT(Corruption(initializers), HasSubstr("gives the tensor 'w' twice"));
}

TEST(Refusal, OneInput) {
  ModelBuilder two = Open();
  two.Input("z", {1, 2, 4, 4}).Node("Add", {"x", "z"}, {"y"});
  EXPECT_THAT(Refusal(two), AllOf(HasSubstr("2 inputs"), HasSubstr("'x', 'z'")));
  two.Floats("z", {1, 2, 1, 1}, {3, 4});
  ExpectAccepted(two);  // as old models list their weights

  ModelBuilder none;
  none.Floats("x", {1}, {1}).Output("y").Node("Relu", {"x"}, {"y"});
  EXPECT_THAT(Refusal(none), HasSubstr("has no input"));
}

TEST(Refusal, OneOutput) {
  ModelBuilder two = OfOne("Relu");
  two.Output("z").Node("Sigmoid", {"x"}, {"z"});
  EXPECT_THAT(Refusal(two), AllOf(HasSubstr("2 outputs"), HasSubstr("'y', 'z'")));
  ExpectAccepted(two, {.output = "z"});
  EXPECT_THAT(Message(two.Import({.output = "w"}), ErrorCode::kNotFound),
              AllOf(HasSubstr("no output 'w'"), HasSubstr("'y', 'z'")));

  ModelBuilder none;
  none.Input("x", {1, 2}).Node("Relu", {"x"}, {"y"});
  EXPECT_THAT(Refusal(none), HasSubstr("has no output"));

  ModelBuilder fixed = Open();
  fixed.Floats("one", {1}, {1}).Node("Identity", {"one"}, {"y"});
  EXPECT_THAT(Refusal(fixed), HasSubstr("does not depend on its input"));
}

TEST(Refusal, OpenSizes) {
  ModelBuilder model;
  model.Input("x", {-1, 3, -1, -1}).Output("y").Node("Relu", {"x"}, {"y"});
  EXPECT_THAT(Message(model.Import(), ErrorCode::kInvalidArgument),
              AllOf(HasSubstr("'x' of Nx3xHxW"), HasSubstr("--input, as in 3x224x224")));
  ModelBuilder list;
  list.Input("x", {-1, -1}).Output("y").Node("Relu", {"x"}, {"y"});
  EXPECT_THAT(Message(list.Import(), ErrorCode::kInvalidArgument),
              AllOf(HasSubstr("--input, as in 224"), Not(HasSubstr("3x224"))));
  ExpectAccepted(list, {.input_sizes = {100}});
  const auto imported = model.Import({.input_sizes = {3, 8, 6}});
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(imported->graph.input_shape(), Shape({1, 3, 8, 6}));
  EXPECT_TRUE(imported->batched);
  EXPECT_THAT(Message(model.Import({.input_sizes = {4, 8, 6}}), ErrorCode::kInvalidArgument),
              HasSubstr("fixes its input"));
  EXPECT_THAT(Message(model.Import({.input_sizes = {3, 8}}), ErrorCode::kInvalidArgument),
              HasSubstr("3 axes"));
  EXPECT_THAT(Message(model.Import({.input_sizes = {3, 0, -2}}), ErrorCode::kInvalidArgument),
              HasSubstr("'x'"));
}

TEST(Refusal, InputsThatAreNoTensors) {
  ModelBuilder strings;
  strings.Input("x", {1, 2}, TensorProto::STRING).Output("y").Node("Identity", {"x"}, {"y"});
  EXPECT_THAT(Refusal(strings), AllOf(HasSubstr("input 'x'"), HasSubstr("string")));
  ModelBuilder shapeless = OfOne("Relu");
  shapeless.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  EXPECT_THAT(Refusal(shapeless), AllOf(HasSubstr("input 'x'"), HasSubstr("no shape")));
  ModelBuilder sequence = OfOne("Relu");
  sequence.graph().mutable_input(0)->mutable_type()->mutable_sequence_type();
  EXPECT_THAT(Refusal(sequence), AllOf(HasSubstr("input 'x'"), HasSubstr("no tensor")));
}

TEST(Refusal, Strings) {
  ModelBuilder model = Open();
  model.Tensor("text", TensorProto::STRING, {1}).add_string_data("four");
  model.Node("Add", {"x", "text"}, {"y"});
  EXPECT_THAT(Refusal(model), AllOf(HasSubstr("'text'"), HasSubstr("string")));
}

TEST(Refusal, SparseInitializers) {
  ModelBuilder model = OfOne("Relu");
  model.graph().add_sparse_initializer()->mutable_values()->set_name("w");
  EXPECT_THAT(Refusal(model), HasSubstr("sparse"));
}

TEST(Refusal, Opsets) {
  const auto of = [](int64_t opset) {
    ModelBuilder model(opset);
    model.Input("x", {1, 2}).Output("y").Node("Relu", {"x"}, {"y"});
    return model;
  };
  for (const int64_t opset : {7, 13, 21}) ExpectAccepted(of(opset));
  EXPECT_THAT(Refusal(of(99)), AllOf(HasSubstr("opset 99"), HasSubstr("21")));
  EXPECT_THAT(Refusal(of(0)), HasSubstr("opset 0"));
  EXPECT_THAT(Refusal(of(-3)), HasSubstr("opset -3"));
  ModelBuilder none = of(17);
  none.model().clear_opset_import();
  EXPECT_THAT(Corruption(none), HasSubstr("opset"));
}

// The weight that the network multiplies its input by.
std::vector<float> Factor(const ModelBuilder& model) {
  const auto imported = model.Import();
  EXPECT_TRUE(imported) << imported.error().message;
  if (!imported) return {};
  for (const Node& node : imported->graph.nodes()) {
    if (const Tensor* value = node.Find("value")) {
      return {value->floats().begin(), value->floats().end()};
    }
  }
  return {};
}

TEST(Refusal, FloatsOfOtherWidthsAreNone) {
  const auto of = [](int32_t type, const std::string& raw) {
    ModelBuilder model = Open();
    model.Tensor("w", type, {1, 2, 1, 1}).set_raw_data(raw);
    model.Node("Mul", {"x", "w"}, {"y"});
    return model;
  };
  EXPECT_THAT(Factor(of(TensorProto::FLOAT16, std::string("\x00\x3e\x00\xc0", 4))),
              ElementsAre(1.5f, -2.0f));
  EXPECT_THAT(Factor(of(TensorProto::BFLOAT16, std::string("\xc0\x3f\x00\xc0", 4))),
              ElementsAre(1.5f, -2.0f));
  const auto doubles = [&](double a, double b) {
    ModelBuilder model = Open();
    auto& tensor = model.Tensor("w", TensorProto::DOUBLE, {1, 2, 1, 1});
    tensor.add_double_data(a);
    tensor.add_double_data(b);
    model.Node("Mul", {"x", "w"}, {"y"});
    return model;
  };
  EXPECT_THAT(Factor(doubles(0.1, -2)), ElementsAre(0.1f, -2.0f));
  EXPECT_THAT(Refusal(doubles(0, 1e300)), AllOf(HasSubstr("'w'"), HasSubstr("element 1")));
}

TEST(Refusal, WeightsThatAreNoNumbers) {
  for (const float number : {NAN, INFINITY, -INFINITY}) {
    ModelBuilder model = Open();
    model.Floats("w", {1, 2, 1, 1}, {1, number}).Node("Conv", {"x", "w"}, {"y"});
    const auto imported = model.Import();
    ASSERT_FALSE(imported);
    EXPECT_THAT(imported.error().message, HasSubstr("y"));
  }
}

TEST(Refusal, NamesMayBeAnything) {
  ModelBuilder model = Open();
  model.Node("Relu", {"x"}, {"a"}).set_name("same");
  model.Node("Relu", {"a"}, {"b"}).set_name("same");
  model.Node("Relu", {"b"}, {"c"}).set_name(std::string("\n\0\x1b[31m", 7));
  model.Node("Relu", {"c"}, {"d"}).set_name("x");
  model.Node("Relu", {"d"}, {"y"}).set_name(std::string(100000, 'n'));
  const auto imported = model.Import();
  ASSERT_TRUE(imported) << imported.error().message;
  std::set<std::string> names;
  for (const Node& node : imported->graph.nodes()) {
    EXPECT_TRUE(names.insert(node.name).second) << node.name;
    EXPECT_LT(node.name.size(), 300u);
    for (const char c : node.name) EXPECT_TRUE(c > ' ' && c < 127) << static_cast<int>(c);
  }
}

}  // namespace
}  // namespace signum::onnx
