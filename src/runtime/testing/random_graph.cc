#include "runtime/testing/random_graph.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/check.h"

namespace signum::runtime {

RandomGraph::RandomGraph(const Shape& input, uint32_t seed, bool dyadic)
    : random_(seed), dyadic_(dyadic) {
  graph_.name = "test";
  graph_.Add("input", InputOp{input}, {});
  shapes_.push_back(input);
}

NodeId RandomGraph::Add(Op op, std::vector<NodeId> inputs,
                        std::map<std::string, Tensor> parameters) {
  const NodeId id = graph_.Add(fmt::format("n{}", graph_.size()), std::move(op), std::move(inputs),
                               std::move(parameters));
  shapes_ = InferShapes(graph_).value();
  return id;
}

std::vector<float> RandomGraph::Floats(int64_t count, float range) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    if (dyadic_) {
      values.push_back(static_cast<float>(static_cast<int>(random_() % 129) - 64) * range / 64);
    } else {
      values.push_back(std::uniform_real_distribution<float>(-range, range)(random_));
    }
  }
  return values;
}

std::vector<float> RandomGraph::Images(int64_t batch) {
  return Floats(batch * graph_.input_shape().elements(), 1.0f);
}

std::map<std::string, Tensor> RandomGraph::WeightParameters(
    const Shape& shape, bool bias, const std::optional<WeightQuantizer>& quantizer) {
  std::map<std::string, Tensor> parameters;
  if (bias) parameters["bias"] = Tensor({shape[0]}, Floats(shape[0], 0.5f));
  if (!quantizer) {
    parameters["weight"] = Tensor(shape, Floats(shape.elements(), 0.5f));
    return parameters;
  }
  std::vector<int8_t> codes;
  const int lowest = LowestWeightCode(quantizer->bits);
  const auto count = static_cast<uint32_t>(HighestWeightCode(quantizer->bits) - lowest + 1);
  for (int64_t i = 0; i < shape.elements(); ++i) {
    const int code = static_cast<int>(random_() % count) + lowest;
    codes.push_back(static_cast<int8_t>(quantizer->bits > 1 ? code : random_() % 2 ? 1 : -1));
  }
  const int64_t scales = quantizer->per_channel ? shape[0] : 1;
  std::vector<float> scale;
  for (int64_t i = 0; i < scales; ++i) {
    scale.push_back(dyadic_ ? std::ldexp(1.0f, -4 - static_cast<int>(random_() % 3))
                            : 0.02f + 0.001f * static_cast<float>(random_() % 30));
  }
  parameters["weight"] = Tensor(shape, std::move(codes));
  parameters["weight_scale"] = Tensor({scales}, std::move(scale));
  return parameters;
}

NodeId RandomGraph::Convolution(NodeId in, ConvolutionOp op) {
  const Shape weight{op.output_channels, shapes_[in][1] / op.groups, op.window.kernel[0],
                     op.window.kernel[1]};
  auto parameters = WeightParameters(weight, op.bias, op.weight_quantizer);
  return Add(std::move(op), {in}, std::move(parameters));
}

NodeId RandomGraph::Linear(NodeId in, int64_t features, std::optional<WeightQuantizer> quantizer,
                           bool bias) {
  auto parameters = WeightParameters({features, shapes_[in][1]}, bias, quantizer);
  return Add(LinearOp{features, bias, quantizer}, {in}, std::move(parameters));
}

NodeId RandomGraph::BatchNorm(NodeId in) {
  const int64_t channels = shapes_[in][1];
  const Shape shape{channels};
  BatchNormOp op;
  std::vector<float> gamma = Floats(channels, 1.5f);
  std::vector<float> variance = Floats(channels, 0.4f);
  for (float& value : variance) value += 0.5f;
  if (dyadic_) {
    // Deviations of 1/2, 1 and 2, and factors that are powers of two or 0.
    op.epsilon = 0x1p-10f;
    constexpr float kGammas[] = {0.0f, -1.0f, 1.0f, 2.0f, -0.5f};
    for (float& value : gamma) value = kGammas[random_() % 5];
    for (float& value : variance) {
      value = std::ldexp(1.0f, 2 * (static_cast<int>(random_() % 3) - 1)) - op.epsilon;
    }
  }
  return Add(op, {in},
             {{"weight", Tensor(shape, std::move(gamma))},
              {"bias", Tensor(shape, Floats(channels, 0.5f))},
              {"running_mean", Tensor(shape, Floats(channels, 0.5f))},
              {"running_var", Tensor(shape, std::move(variance))}});
}

NodeId RandomGraph::PRelu(NodeId in) {
  const int64_t channels = shapes_[in][1];
  return Add(PReluOp{}, {in}, {{"weight", Tensor({channels}, Floats(channels, 0.5f))}});
}

NodeId RandomGraph::Quantize(NodeId in, int bits, int zero_point, float scale, bool shift) {
  std::map<std::string, Tensor> parameters;
  parameters["scale"] = Tensor::Filled({1}, scale);
  if (shift) {
    const int64_t channels = shapes_[in][1];
    parameters["shift"] = Tensor({channels}, Floats(channels, 0.5f));
  }
  return Add(QuantizeOp{bits, zero_point}, {in}, std::move(parameters));
}

}  // namespace signum::runtime
