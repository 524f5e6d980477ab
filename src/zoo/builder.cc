#include "zoo/builder.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "zoo/initialize.h"

namespace signum::zoo {
namespace {

// A layer above this many weights (1 GiB) is taken for a mistaken input size.
constexpr int64_t kMaxLayerWeights = int64_t{1} << 28;

RandomStream StreamOf(uint64_t seed, const std::string& layer, const char* role) {
  return RandomStream(seed, layer + "." + role);
}

}  // namespace

NetworkBuilder::NetworkBuilder(std::string network_name, const ZooOptions& options)
    : seed_(options.seed) {
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
  const Shape weight{spec.output_channels, input_channels, spec.kernel, spec.kernel};
  if (!FitsMemory(name, weight)) return 0;

  std::map<std::string, Tensor> parameters;
  const RandomStream weights = StreamOf(seed_, name, "weight");
  const double area = static_cast<double>(spec.kernel) * spec.kernel;
  const double bound = 1 / std::sqrt(static_cast<double>(input_channels) * area);
  const bool he = spec.initialization == Initialization::kHe;
  const double deviation = std::sqrt(2 / (static_cast<double>(spec.output_channels) * area));
  parameters.emplace("weight", he ? NormalTensor(weights, weight, deviation)
                                  : UniformTensor(weights, weight, bound));
  if (spec.bias) {
    const Shape bias{spec.output_channels};
    parameters.emplace("bias", he ? Tensor::Filled(bias, 0)
                                  : UniformTensor(StreamOf(seed_, name, "bias"), bias, bound));
  }
  ConvolutionOp op;
  op.output_channels = spec.output_channels;
  op.window = {.kernel = {spec.kernel, spec.kernel},
               .stride = {spec.stride, spec.stride},
               .padding = Padding::All(spec.padding)};
  op.bias = spec.bias;
  return Append(name, op, {input}, std::move(parameters));
}

NodeId NetworkBuilder::Linear(const std::string& name, NodeId input, int64_t output_features) {
  if (HasError()) return 0;
  const int64_t input_features = shape(input)[1];
  const Shape weight{output_features, input_features};
  if (!FitsMemory(name, weight)) return 0;
  const double bound = 1 / std::sqrt(static_cast<double>(input_features));
  LinearOp op;
  op.output_features = output_features;
  return Append(
      name, op, {input},
      {{"weight", UniformTensor(StreamOf(seed_, name, "weight"), weight, bound)},
       {"bias", UniformTensor(StreamOf(seed_, name, "bias"), Shape{output_features}, bound)}});
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

NodeId NetworkBuilder::Relu(const std::string& name, NodeId input) {
  return Append(name, ActivationOp{ActivationKind::kRelu}, {input});
}

NodeId NetworkBuilder::MaxPool(const std::string& name, NodeId input, int kernel, int stride) {
  return Append(name,
                MaxPoolOp{{.kernel = {kernel, kernel}, .stride = {stride, stride}, .padding = {}}},
                {input});
}

NodeId NetworkBuilder::GlobalAveragePool(const std::string& name, NodeId input) {
  return Append(name, GlobalAveragePoolOp{}, {input});
}

NodeId NetworkBuilder::Add(const std::string& name, NodeId left, NodeId right) {
  return Append(name, AddOp{}, {left, right});
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
