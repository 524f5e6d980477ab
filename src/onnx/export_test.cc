// What is exported, judged by ONNX's own checker and shape inference, and looked at
// node by node where the checker cannot judge.
#include "onnx/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "format/test_graphs.h"
#include "graph/passes/insert_quantizers.h"
#include "graph/passes/snap_biases.h"

namespace signum::onnx {
namespace {

using ::onnx::ModelProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ModelProto Parse(const std::string& bytes) {
  ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

ModelProto Exported(const Graph& graph, const OnnxExportOptions& options = {}) {
  EXPECT_TRUE(Verify(graph)) << Verify(graph).error().message;
  const auto bytes = ExportOnnx(graph, options);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes ? Parse(*bytes) : ModelProto();
}

std::string Refusal(const Graph& graph, const OnnxExportOptions& options) {
  const auto bytes = ExportOnnx(graph, options);
  return bytes ? "" : bytes.error().message;
}

// "" where ONNX's checker and its strict shape inference find nothing to say, and the
// output has the graph's shape.
std::string Complaint(const Graph& graph, const OnnxExportOptions& options) {
  ModelProto model = Exported(graph, options);
  const std::string said = model.graph().output(0).SerializeAsString();
  try {
    ::onnx::checker::check_model(model);
    ::onnx::shape_inference::InferShapes(model, ::onnx::OpSchemaRegistry::Instance(),
                                         {/*check_type=*/true, /*error_mode=*/1, true});
  } catch (const std::exception& error) {
    return error.what();
  }
  return said == model.graph().output(0).SerializeAsString() ? "" : "the output's shape changed";
}

const NodeProto* Find(const ModelProto& model, const std::string& name) {
  for (const NodeProto& node : model.graph().node()) {
    if (node.name() == name) return &node;
  }
  return nullptr;
}

const TensorProto* FindTensor(const ModelProto& model, const std::string& name) {
  for (const TensorProto& tensor : model.graph().initializer()) {
    if (tensor.name() == name) return &tensor;
  }
  return nullptr;
}

template <typename T>
std::vector<T> Values(const TensorProto& tensor) {
  std::vector<T> values(tensor.raw_data().size() / sizeof(T));
  std::memcpy(values.data(), tensor.raw_data().data(), tensor.raw_data().size());
  return values;
}

std::vector<int64_t> Sizes(const TensorProto& tensor) {
  return {tensor.dims().begin(), tensor.dims().end()};
}

std::vector<std::string> OpTypes(const ModelProto& model) {
  std::vector<std::string> types;
  for (const NodeProto& node : model.graph().node()) types.push_back(node.op_type());
  return types;
}

Tensor Floats(Shape shape, std::vector<float> values) {
  return Tensor(std::move(shape), std::move(values));
}

// input {1, 2, 4, 4} -> op.
Graph Single(Op op, std::map<std::string, Tensor> parameters = {}) {
  Graph graph;
  graph.Add("x", InputOp{{1, 2, 4, 4}}, {});
  graph.Add("node", std::move(op), {0}, std::move(parameters));
  return graph;
}

// input {1, 2, 4, 4} -> Quantize -> convolution of 2 channels, 1x1, with weight codes
// and a bias.
Graph Quantized(int value_bits, int weight_bits) {
  Graph graph =
      Single(QuantizeOp{value_bits, value_bits > 1 ? 3 : 0}, {{"scale", Floats({1}, {0.5f})}});
  if (value_bits == 1) graph.node(1).parameters["shift"] = Floats({2}, {0.25f, -1});
  graph.Add("conv",
            ConvolutionOp{.output_channels = 2, .weight_quantizer = WeightQuantizer{weight_bits}},
            {1},
            {{"weight", Tensor({2, 2, 1, 1}, std::vector<int8_t>{1, -1, -1, -1})},
             {"weight_scale", Floats({2}, {0.5f, 2})},
             {"bias", Floats({2}, {0.6f, -2.6f})}});
  return graph;
}

// The graph without what the opset cannot say.
Graph ForOpset(const Graph& graph, int opset) {
  Graph out = opset < 13 ? StripQuantizers(graph) : graph;
  for (NodeId id = 0; id < out.size(); ++id) {
    Op& op = out.node(id).op;
    if (auto* pool = std::get_if<MaxPoolOp>(&op); pool != nullptr && opset < 10) {
      pool->window.dilation = {1, 1};
    }
    if (auto* up = std::get_if<UpsampleOp>(&op); up != nullptr && opset < 11) {
      up->mode = UpsampleMode::kNearest;
    }
  }
  return out;
}

TEST(ExportOnnx, OnnxAcceptsEveryOperatorInEveryOpset) {
  for (int opset = kOldestOnnxOpset; opset <= kNewestOnnxOpset; ++opset) {
    const Graph graph = ForOpset(format::EveryOpGraph(), opset);
    EXPECT_EQ(Complaint(graph, {OnnxForm::kQdq, opset}), "") << "opset " << opset;
  }
}

TEST(ExportOnnx, OnnxAcceptsQonnx) {
  // Shape inference knows no QONNX, so that only the checker can judge.
  const ModelProto model = Exported(format::EveryOpGraph(), {OnnxForm::kQonnx, 17});
  EXPECT_NO_THROW(::onnx::checker::check_model(model));
  EXPECT_EQ(model.opset_import(1).domain(), "qonnx.custom_op.general");
}

TEST(ExportOnnx, OnnxAcceptsANetwork) {
  for (const bool folded : {false, true}) {
    EXPECT_EQ(Complaint(format::ResNet20W1A8(folded), {}), "");
  }
}

TEST(ExportOnnx, SaysWhatTheModelIs) {
  Graph graph = Single(FlattenOp{});
  graph.name = "net";
  graph.metadata = {{"data", "a\n\"b\""}};
  for (int i = 0; i < 32; ++i) graph.class_names.push_back("a\"b\\" + std::to_string(i));
  const ModelProto model = Exported(graph, {OnnxForm::kQdq, 13});
  EXPECT_EQ(model.producer_name(), "signum");
  EXPECT_EQ(model.opset_import(0).version(), 13);
  EXPECT_EQ(model.ir_version(), 7);
  EXPECT_EQ(model.graph().name(), "net");
  ASSERT_EQ(model.metadata_props_size(), 2);
  EXPECT_EQ(model.metadata_props(0).key(), "signum.metadata.data");
  EXPECT_EQ(model.metadata_props(0).value(), "a\n\"b\"");
  EXPECT_EQ(model.metadata_props(1).key(), "signum.class_names");
  const auto names = nlohmann::json::parse(model.metadata_props(1).value());
  EXPECT_EQ(names.get<std::vector<std::string>>(), graph.class_names);
  const auto& input = model.graph().input(0);
  EXPECT_EQ(input.name(), "input");
  EXPECT_EQ(input.type().tensor_type().shape().dim(0).dim_param(), "N");
  EXPECT_EQ(input.type().tensor_type().shape().dim(3).dim_value(), 4);
  EXPECT_EQ(model.graph().output(0).name(), "output");
  EXPECT_EQ(model.graph().node(0).name(), "node");
}

TEST(ExportOnnx, NamesThatMeetAreKeptApart) {
  Graph graph;
  graph.Add("output", InputOp{{1, 2}}, {});
  const std::map<std::string, Tensor> weight{{"weight", Tensor::Filled({2, 2}, 1)}};
  const NodeId fc = graph.Add("fc", LinearOp{.output_features = 2, .bias = false}, {0}, weight);
  const NodeId swish = graph.Add("a", ActivationOp{ActivationKind::kSwish}, {fc});
  const NodeId gate = graph.Add("a.gate", ActivationOp{ActivationKind::kTanh}, {swish});
  const NodeId other = graph.Add("fc.weight", ActivationOp{}, {gate});
  graph.Add("input", AddOp{}, {other, other});
  EXPECT_EQ(Complaint(graph, {}), "");
  const ModelProto model = Exported(graph);
  EXPECT_NE(FindTensor(model, "fc.weight"), nullptr);
  for (const Node& node : graph.nodes()) {
    if (node.name == "output") continue;
    EXPECT_NE(Find(model, node.name), nullptr) << node.name;
  }
}

TEST(ExportOnnx, TheSameBytesEveryTime) {
  const Graph graph = format::EveryOpGraph();
  EXPECT_EQ(*ExportOnnx(graph, {}), *ExportOnnx(Graph(graph), {}));
}

TEST(ExportOnnx, FloatLayers) {
  const ModelProto with_bias = Exported([] {
    Graph graph = Single(FlattenOp{});
    graph.Add("fc", LinearOp{.output_features = 1}, {1},
              {{"weight", Tensor::Filled({1, 32}, 2)}, {"bias", Floats({1}, {3})}});
    return graph;
  }());
  EXPECT_THAT(OpTypes(with_bias), ElementsAre("Flatten", "Gemm"));
  EXPECT_THAT(Find(with_bias, "fc")->input(), ElementsAre("node", "fc.weight", "fc.bias"));

  Graph graph;
  graph.Add("x", InputOp{{1, 3}}, {});
  graph.Add("fc", LinearOp{.output_features = 2, .bias = false}, {0},
            {{"weight", Floats({2, 3}, {1, 2, 3, 4, 5, 6})}});
  const ModelProto without = Exported(graph);
  EXPECT_THAT(OpTypes(without), ElementsAre("MatMul"));
  EXPECT_THAT(Sizes(*FindTensor(without, "fc.weight")), ElementsAre(3, 2));
  EXPECT_THAT(Values<float>(*FindTensor(without, "fc.weight")), ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(ExportOnnx, OlderOpsetsSayItOtherwise) {
  const auto types = [](Op op, int opset) {
    return OpTypes(Exported(Single(std::move(op)), {OnnxForm::kQdq, opset}));
  };
  EXPECT_THAT(types(ActivationOp{ActivationKind::kHardSwish}, 13),
              ElementsAre("HardSigmoid", "Mul"));
  EXPECT_THAT(types(ActivationOp{ActivationKind::kHardSwish}, 14), ElementsAre("HardSwish"));
  EXPECT_THAT(types(SoftmaxOp{1}, 12), ElementsAre("Transpose", "Softmax", "Transpose"));
  EXPECT_THAT(types(SoftmaxOp{3}, 12), ElementsAre("Softmax"));
  EXPECT_THAT(types(SoftmaxOp{1}, 13), ElementsAre("Softmax"));
  EXPECT_THAT(types(UpsampleOp{}, 9), ElementsAre("Upsample"));
  EXPECT_THAT(types(UpsampleOp{}, 10), ElementsAre("Resize"));
}

TEST(ExportOnnx, ValuesOf8BitsAndFewer) {
  const ModelProto eight = Exported(Quantized(8, 8));
  EXPECT_THAT(OpTypes(eight), ElementsAre("QuantizeLinear", "DequantizeLinear", "DequantizeLinear",
                                          "DequantizeLinear", "Conv"));
  EXPECT_THAT(Values<float>(*FindTensor(eight, "node.scale")), ElementsAre(0.5f));
  EXPECT_EQ(FindTensor(eight, "node.zero_point")->data_type(), TensorProto::UINT8);
  EXPECT_THAT(Values<uint8_t>(*FindTensor(eight, "node.zero_point")), ElementsAre(3));

  const ModelProto four = Exported(Quantized(4, 8));
  EXPECT_THAT(Find(four, "node.clip")->input(),
              ElementsAre("node.codes", "node.lowest", "node.highest"));
  EXPECT_THAT(Values<uint8_t>(*FindTensor(four, "node.lowest")), ElementsAre(0));
  EXPECT_THAT(Values<uint8_t>(*FindTensor(four, "node.highest")), ElementsAre(15));
  EXPECT_THAT(Find(four, "node.dequantize")->input(),
              ElementsAre("node.clip", "node.scale", "node.zero_point"));
}

TEST(ExportOnnx, SignsOfValues) {
  const ModelProto model = Exported(Quantized(1, 1));
  EXPECT_THAT(OpTypes(model),
              ElementsAre("Sub", "Sign", "Add", "Sign", "Mul", "DequantizeLinear", "Conv"));
  EXPECT_THAT(Sizes(*FindTensor(model, "node.shift")), ElementsAre(2, 1, 1));
  EXPECT_EQ(FindTensor(model, "conv.bias")->data_type(), TensorProto::FLOAT);
  EXPECT_THAT(Values<float>(*FindTensor(model, "conv.bias")), ElementsAre(0.6f, -2.6f));
}

TEST(ExportOnnx, WeightsAndBiasesAreIntegers) {
  const ModelProto model = Exported(Quantized(8, 1));
  const TensorProto& weight = *FindTensor(model, "conv.weight");
  EXPECT_EQ(weight.data_type(), TensorProto::INT8);
  EXPECT_THAT(Values<int8_t>(weight), ElementsAre(1, -1, -1, -1));
  EXPECT_THAT(Values<float>(*FindTensor(model, "conv.weight_scale")), ElementsAre(0.5f, 2));
  const TensorProto& bias = *FindTensor(model, "conv.bias");
  EXPECT_EQ(bias.data_type(), TensorProto::INT32);
  EXPECT_THAT(Values<int32_t>(bias), ElementsAre(2, -3));  // 0.6 in units of 0.25, -2.6 of 1
  EXPECT_THAT(Values<float>(*FindTensor(model, "conv.bias_scale")), ElementsAre(0.25f, 1));
  EXPECT_EQ(*ExportOnnx(SnapBiases(Quantized(8, 1)), {}), *ExportOnnx(Quantized(8, 1), {}));
}

TEST(ExportOnnx, QonnxQuantizers) {
  const ModelProto one = Exported(Quantized(1, 1), {OnnxForm::kQonnx, 17});
  EXPECT_THAT(OpTypes(one), ElementsAre("Sub", "BipolarQuant", "BipolarQuant", "Conv"));
  EXPECT_THAT(Sizes(*FindTensor(one, "conv.weight_scale")), ElementsAre(2, 1, 1, 1));
  EXPECT_THAT(Values<float>(*FindTensor(one, "conv.weight")), ElementsAre(0.5f, -0.5f, -2, -2));
  const ModelProto four = Exported(Quantized(4, 4), {OnnxForm::kQonnx, 17});
  EXPECT_THAT(OpTypes(four), ElementsAre("Quant", "Quant", "Conv"));
  EXPECT_EQ(four.graph().node(0).domain(), "qonnx.custom_op.general");
  EXPECT_THAT(Find(four, "node")->input(),
              ElementsAre("input", "node.scale", "node.zero_point", "node.bits"));
  EXPECT_THAT(Values<float>(*FindTensor(four, "node.bits")), ElementsAre(4));
  EXPECT_THAT(Values<float>(*FindTensor(four, "conv.bias")), ElementsAre(0.6f, -2.6f));
}

TEST(ExportOnnx, PaddingWithACodeStandsOutsideTheConvolution) {
  Graph graph = Quantized(1, 1);
  auto& op = std::get<ConvolutionOp>(graph.node(2).op);
  op.window.padding = {1, 0, 2, 3};
  op.pad_code = -1;
  const ModelProto model = Exported(graph);
  EXPECT_EQ(Complaint(graph, {}), "");
  EXPECT_THAT(Values<float>(*FindTensor(model, "conv.pad.value")), ElementsAre(-0.5f));
  EXPECT_THAT(Values<int64_t>(*FindTensor(model, "conv.pad.pads")),
              ElementsAre(0, 0, 1, 0, 0, 0, 2, 3));
}

TEST(ExportOnnx, RefusesWhatItCannotSay) {
  const Graph relu = Single(ActivationOp{});
  EXPECT_THAT(Refusal(relu, {OnnxForm::kQdq, 8}), HasSubstr("opset 8 is outside 9 to 17"));
  EXPECT_THAT(Refusal(relu, {OnnxForm::kQdq, 18}), HasSubstr("opset 18"));
  const std::string bilinear =
      Refusal(Single(UpsampleOp{2, UpsampleMode::kBilinear}), {OnnxForm::kQdq, 10});
  EXPECT_THAT(bilinear, HasSubstr("node 'node' (Upsample)"));
  EXPECT_THAT(bilinear, HasSubstr("opset 11 or newer"));
  EXPECT_THAT(Refusal(Quantized(8, 8), {OnnxForm::kQdq, 9}), HasSubstr("'node' (Quantize)"));
  EXPECT_THAT(Refusal(Quantized(8, 8), {OnnxForm::kQdq, 12}), HasSubstr("'conv' (Convolution)"));
  EXPECT_THAT(Refusal(Quantized(4, 8), {OnnxForm::kQdq, 11}), HasSubstr("opset 12 or newer"));
  EXPECT_THAT(Refusal(Single(SoftmaxOp{0}), {}), HasSubstr("images of a batch"));
  EXPECT_THAT(Refusal(Single(ReshapeOp{{2, 16}}), {}), HasSubstr("images of a batch"));
  Graph joined = Single(ConstantOp{{1, 2, 4, 4}}, {{"value", Tensor::Filled({1, 2, 4, 4}, 1)}});
  joined.node(1).inputs.clear();
  joined.Add("concat", ConcatOp{1}, {0, 1});
  EXPECT_THAT(Refusal(joined, {}), HasSubstr("'concat' (Concat)"));
}

TEST(ExportOnnx, RefusesMoreThan2GigabytesBeforeItBuildsThem) {
  Graph graph;
  graph.Add("x", InputOp{{1, 1 << 15}}, {});
  LinearOp op{.output_features = 1 << 14, .bias = false};
  graph.Add("fc", op, {0}, {{"weight", Tensor::ShapeOnly({1 << 14, 1 << 15})}});
  const auto bytes = ExportOnnx(graph, {});
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace signum::onnx
