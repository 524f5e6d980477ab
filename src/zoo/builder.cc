#include "zoo/builder.h"

#include <fmt/format.h>

#include <utility>

namespace signum::zoo {
namespace {

// A layer above this many weights (1 GiB) is taken for a mistaken input size.
constexpr int64_t kMaxLayerWeights = int64_t{1} << 28;

}  // namespace

NetworkBuilder::NetworkBuilder(std::string network_name, const ZooOptions& options)
    : seed_(options.seed), weights_(options.weights) {
  graph_.name = std::move(network_name);
  const Shape shape{1, options.channels, options.height, options.width};
  input_ = Append("input", InputOp{shape}, {});
  if (!options.mean.empty()) {
    input_ = Append("normalize", NormalizeOp{options.mean, options.deviation}, {input_});
  }
}

NodeId NetworkBuilder::Convolution(const std::string& name, NodeId input,
                                   const ConvolutionSpec& spec) {
  if (HasError()) return 0;
  const int64_t input_channels = shape(input)[1];
  const Shape weight{spec.output_channels, input_channels / spec.groups, spec.kernel, spec.kernel};
  if (!FitsMemory(name, weight)) return 0;
  ConvolutionOp op;
  op.output_channels = spec.output_channels;
  op.window = {.kernel = {spec.kernel, spec.kernel},
               .stride = {spec.stride, spec.stride},
               .padding = Padding::All(spec.padding)};
  op.groups = spec.groups;
  op.bias = spec.bias;
  return Append(name, op, {input}, WeightAndBias(name, weight, spec.bias, spec.initialization));
}

NodeId NetworkBuilder::Linear(const std::string& name, NodeId input, int64_t output_features,
                              Initialization initialization) {
  if (HasError()) return 0;
  const Shape weight{output_features, shape(input)[1]};
  if (!FitsMemory(name, weight)) return 0;
  LinearOp op;
  op.output_features = output_features;
  return Append(name, op, {input}, WeightAndBias(name, weight, true, initialization));
}

NodeId NetworkBuilder::BatchNorm(const std::string& name, NodeId input) {
  if (HasError()) return 0;
  const Shape channels{shape(input)[1]};
  return Append(name, BatchNormOp{}, {input},
                {{"weight", Tensor::Filled(channels, 1)},
                 {"bias", Tensor::Filled(channels, 0)},
                 {"running_mean", Tensor::Filled(channels, 0)},
                 {"running_var", Tensor::Filled(channels, 1)}});
}

NodeId NetworkBuilder::Activation(const std::string& name, NodeId input, ActivationKind kind) {
  return Append(name, ActivationOp{kind}, {input});
}

NodeId NetworkBuilder::Relu(const std::string& name, NodeId input) {
  return Activation(name, input, ActivationKind::kRelu);
}

NodeId NetworkBuilder::MaxPool(const std::string& name, NodeId input, int kernel, int stride,
                               int padding) {
  return Append(name,
                MaxPoolOp{{.kernel = {kernel, kernel},
                           .stride = {stride, stride},
                           .padding = Padding::All(padding)}},
                {input});
}

NodeId NetworkBuilder::AveragePool(const std::string& name, NodeId input,
                                   std::array<int, 2> window) {
  return Append(name, AveragePoolOp{{.kernel = window, .stride = window}}, {input});
}

NodeId NetworkBuilder::GlobalAveragePool(const std::string& name, NodeId input) {
  return Append(name, GlobalAveragePoolOp{}, {input});
}

NodeId NetworkBuilder::UpsampleNearest(const std::string& name, NodeId input, int scale) {
  return Append(name, UpsampleOp{.scale = scale}, {input});
}

NodeId NetworkBuilder::Add(const std::string& name, NodeId left, NodeId right) {
  return Append(name, AddOp{}, {left, right});
}

NodeId NetworkBuilder::Multiply(const std::string& name, NodeId left, NodeId right) {
  return Append(name, MultiplyOp{}, {left, right});
}

NodeId NetworkBuilder::PadChannels(const std::string& name, NodeId input, int64_t front,
                                   int64_t behind) {
  PadOp op;
  op.before = {0, front, 0, 0};
  op.after = {0, behind, 0, 0};
  return Append(name, op, {input});
}

NodeId NetworkBuilder::Flatten(const std::string& name, NodeId input) {
  return Append(name, FlattenOp{}, {input});
}

NodeId NetworkBuilder::Dropout(const std::string& name, NodeId input, float probability) {
  return Append(name, DropoutOp{probability}, {input});
}

NodeId NetworkBuilder::ConvolutionNormActivation(const std::string& sequence, int index,
                                                 NodeId input, ConvolutionSpec spec,
                                                 std::optional<ActivationKind> activation) {
  const auto layer = [&](int offset) { return fmt::format("{}.{}", sequence, index + offset); };
  spec.padding = spec.kernel / 2;
  spec.bias = false;
  spec.initialization = Initialization::kHe;
  NodeId x = Convolution(layer(0), input, spec);
  x = BatchNorm(layer(1), x);
  return activation ? Activation(layer(2), x, *activation) : x;
}

Result<Graph> NetworkBuilder::Finish() {
  SIGNUM_RETURN_IF_ERROR(status_);
  SIGNUM_RETURN_IF_ERROR(Verify(graph_));
  return std::move(graph_);
}

NodeId NetworkBuilder::Append(const std::string& name, Op op, std::vector<NodeId> inputs,
                              std::map<std::string, Tensor> parameters) {
  if (HasError()) return 0;
  const NodeId id = graph_.Add(name, std::move(op), std::move(inputs), std::move(parameters));
  std::vector<Shape> in;
  for (NodeId input : graph_.node(id).inputs) in.push_back(shape(input));
  Result<Shape> shape = InferShape(graph_.node(id), in);
  if (!shape) return Reject(shape.error().code, shape.error().message);
  shapes_.push_back(*std::move(shape));
  return id;
}

NodeId NetworkBuilder::Reject(ErrorCode code, std::string message) {
  if (!HasError()) status_ = Fail(code, graph_.name + ": " + std::move(message));
  return 0;
}

std::map<std::string, Tensor> NetworkBuilder::WeightAndBias(const std::string& name,
                                                            const Shape& weight, bool bias,
                                                            Initialization initialization) const {
  std::map<std::string, Tensor> parameters;
  parameters.emplace("weight", weights_ ? InitialWeight(seed_, name, weight, initialization)
                                        : Tensor::ShapeOnly(weight));
  if (bias) {
    parameters.emplace("bias", weights_ ? InitialBias(seed_, name, weight, initialization)
                                        : Tensor::ShapeOnly({weight[0]}));
  }
  return parameters;
}

bool NetworkBuilder::FitsMemory(const std::string& name, const Shape& weight) {
  const int64_t elements = CheckedElements(weight);
  if (elements > 0 && elements <= kMaxLayerWeights) return true;
  Reject(ErrorCode::kResourceExhausted,
         fmt::format("layer '{}' would need a weight of {}, above the limit of {} elements; "
                     "use a smaller input or fewer classes",
                     name, weight.ToString(), kMaxLayerWeights));
  return false;
}

}  // namespace signum::zoo
