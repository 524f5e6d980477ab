#include "format/test_graphs.h"

#include <random>

namespace signum::format {
namespace {

// A graph under construction, with random but reproducible parameters
// (std::mt19937's numbers are fixed by the standard).
class Builder {
 public:
  explicit Builder(Shape input) { graph.Add("input", InputOp{std::move(input)}, {}); }

  Tensor Floats(Shape shape, float low = -1, float high = 1) {
    std::vector<float> values(shape.elements());
    for (float& v : values) {
      v = low + (high - low) * static_cast<float>(random_() % 1000) / 1000.0f;
    }
    return Tensor(std::move(shape), std::move(values));
  }
  Tensor Positive(Shape shape) { return Floats(std::move(shape), 0.25f, 1.75f); }

  Tensor Codes(Shape shape, int bits) {
    std::vector<int8_t> codes(shape.elements());
    const int highest = (1 << (bits - 1)) - 1;
    for (int8_t& code : codes) {
      const int draw = static_cast<int>(random_() >> 8);
      code =
          static_cast<int8_t>(bits == 1 ? (draw & 1) * 2 - 1 : draw % (2 * highest + 1) - highest);
    }
    return Tensor(std::move(shape), std::move(codes));
  }

  NodeId Add(const std::string& name, Op op, std::vector<NodeId> inputs,
             std::map<std::string, Tensor> parameters = {}) {
    return graph.Add(name, std::move(op), std::move(inputs), std::move(parameters));
  }

  // A convolution of `in` to op.output_channels channels, as codes of its quantizer.
  NodeId Convolution(const std::string& name, NodeId input, int64_t in, ConvolutionOp op) {
    const Shape rows{op.output_channels};
    const auto quantizer = *op.weight_quantizer;
    std::map<std::string, Tensor> parameters{
        {"weight",
         Codes({op.output_channels, in / op.groups, op.window.kernel[0], op.window.kernel[1]},
               quantizer.bits)},
        {"weight_scale", Positive(quantizer.per_channel ? rows : Shape{1})}};
    if (op.bias) parameters["bias"] = Floats(rows);
    return Add(name, op, {input}, std::move(parameters));
  }

  NodeId Linear(const std::string& name, NodeId input, int64_t in, LinearOp op) {
    const Shape rows{op.output_features};
    const auto quantizer = *op.weight_quantizer;
    std::map<std::string, Tensor> parameters{
        {"weight", Codes({op.output_features, in}, quantizer.bits)},
        {"weight_scale", Positive(quantizer.per_channel ? rows : Shape{1})}};
    if (op.bias) parameters["bias"] = Floats(rows);
    return Add(name, op, {input}, std::move(parameters));
  }

  NodeId BatchNorm(const std::string& name, NodeId input, int64_t channels, BatchNormOp op = {}) {
    const Shape shape{channels};
    return Add(name, op, {input},
               {{"weight", Floats(shape)},
                {"bias", Floats(shape)},
                {"running_mean", Floats(shape)},
                {"running_var", Positive(shape)}});
  }

  NodeId Quantize(const std::string& name, NodeId input, int bits, int zero_point) {
    return Add(name, QuantizeOp{bits, zero_point}, {input}, {{"scale", Positive({1})}});
  }

  Graph graph;

 private:
  std::mt19937 random_{20};
};

NodeId AddActivations(Builder& b, NodeId x) {
  for (int kind = 0; kind <= static_cast<int>(ActivationKind::kSign); ++kind) {
    x = b.Add("activation" + std::to_string(kind), ActivationOp{static_cast<ActivationKind>(kind)},
              {x});
  }
  return x;
}

// {1, 4, 16, 16} -> {1, 6, 8, 8}, through convolutions of every kind.
NodeId AddConvolutions(Builder& b, NodeId x) {
  x = b.Convolution("conv/int8", x, 4,
                    {.output_channels = 8,
                     .window = {{3, 3}, {1, 1}, {1, 1}, Padding::All(1)},
                     .bias = true,
                     .weight_quantizer = WeightQuantizer{8, false}});
  x = b.BatchNorm("bn", x, 8, {1e-3f, 0.25f});
  x = b.Add("prelu", PReluOp{}, {x}, {{"weight", b.Floats({8})}});
  x = b.Add("quantize/1bit", QuantizeOp{1, 0}, {x},
            {{"scale", b.Positive({1})}, {"shift", b.Floats({8})}});
  x = b.Convolution("conv/1bit", x, 8,
                    {.output_channels = 6,
                     .window = {{1, 3}, {2, 2}, {1, 2}, {0, 1, 1, 4}},
                     .groups = 2,
                     .bias = false,
                     .pad_code = -1,
                     .weight_quantizer = WeightQuantizer{1, true}});
  x = b.Quantize("quantize/4bit", x, 4, 8);
  return b.Add(
      "conv/latent",
      ConvolutionOp{
          .output_channels = 6, .bias = false, .weight_quantizer = WeightQuantizer{2, true}},
      {x}, {{"weight", b.Floats({6, 6, 1, 1})}});
}

// {1, 4} -> {1, 4}, through what else there is.
NodeId AddOthers(Builder& b, NodeId x) {
  x = b.Add("maps", ReshapeOp{{0, 4, 1, 1}}, {x});
  x = b.Add("conv_transpose",
            ConvTransposeOp{.output_channels = 6,
                            .window = {{2, 3}, {2, 1}, {1, 2}, {0, 1, 0, 1}},
                            .output_padding = {1, 0},
                            .groups = 2},
            {x}, {{"weight", b.Floats({4, 3, 2, 3})}, {"bias", b.Floats({6})}});
  const NodeId rows = b.Add("rows", ReshapeOp{{0, 6, -1}}, {x});
  const NodeId columns = b.Add("transpose", TransposeOp{{0, 2, 1}}, {rows});
  const NodeId product = b.Add("matmul", MatMulOp{}, {rows, columns});
  const NodeId half = b.Add("half", ConstantOp{{1, 6, 1}}, {}, {{"value", b.Positive({1, 6, 1})}});
  NodeId y = b.Add("divide", DivideOp{}, {product, half});
  y = b.Add("subtract", SubtractOp{}, {y, product});
  y = b.Add("clamp", ClampOp{-2.5f, 7}, {y});
  y = b.Add("mean", ReduceMeanOp{{2}, false}, {y});
  return b.Add("cut", PadOp{{0, -1}, {0, -1}, 0}, {y});
}

}  // namespace

Graph EveryOpGraph() {
  Builder b({1, 4, 16, 16});
  b.graph.name = "every op";
  b.graph.class_names = {"cat", "dog", "cat", "Fuß"};
  b.graph.metadata = {{"data", "cifar10"}, {"command", "signum train\n\t--epochs 3"}, {"e", ""}};
  NodeId x = b.Add("normalize", NormalizeOp{{0.5f, 0.25f, 0.125f, 0}, {0.5f, 0.25f, 1, 2}}, {0});
  x = AddActivations(b, AddConvolutions(b, x));
  const NodeId pooled = b.Add("max_pool", MaxPoolOp{{{3, 2}, {2, 1}, {1, 2}, {1, 0, 1, 1}}}, {x});
  const NodeId means =
      b.Add("average_pool", AveragePoolOp{{{3, 3}, {1, 1}, {1, 1}, Padding::All(1)}, false}, {x});
  const NodeId gate = b.Add("gap", GlobalAveragePoolOp{}, {means});
  const NodeId gated = b.Add("multiply", MultiplyOp{}, {means, gate});
  const NodeId sum = b.Add("add", AddOp{}, {gated, x});
  const NodeId joined = b.Add("concat", ConcatOp{1}, {sum, means, sum});
  NodeId y = b.Add("pad", PadOp{{0, 1, 2, -1}, {0, 3, -2, 0}, -0.5f}, {joined});
  y = b.Add("upsample", UpsampleOp{3, UpsampleMode::kBilinear}, {y});
  y = b.Add("dropout", DropoutOp{0.125f}, {y});
  y = b.Add("gap2", GlobalAveragePoolOp{}, {y});
  y = b.Add("flatten", FlattenOp{}, {y});
  const NodeId squeezed = b.Add("gap3", GlobalAveragePoolOp{}, {pooled});
  const NodeId other = b.Add("reshape", ReshapeOp{{0, -1}}, {squeezed});
  y = b.Add("concat2", ConcatOp{1}, {y, other});
  int64_t features = 22 + 6;
  for (int bits = 1; bits <= 8; ++bits) {
    const int64_t out = bits == 8 ? 4 : 13 + bits;
    y = b.Linear("fc" + std::to_string(bits), y, features,
                 {out, bits % 2 == 0, WeightQuantizer{bits, bits % 3 != 0}});
    features = out;
  }
  y = AddOthers(b, y);
  b.Add("softmax", SoftmaxOp{1}, {y});
  return b.graph;
}

Graph ResNet20W1A8(bool folded) {
  Builder b({1, 3, 32, 32});
  b.graph.name = "resnet20";
  b.graph.metadata = {{"data", "cifar10"}, {"quantization", "w1a8"}};
  NodeId x = b.Add("normalize", NormalizeOp{{0.49f, 0.48f, 0.45f}, {0.25f, 0.24f, 0.26f}}, {0});
  const auto layer = [&](const std::string& prefix, const std::string& index, NodeId from,
                         int64_t in, int64_t out, int stride, int bits, int kernel = 3) {
    const Window window{{kernel, kernel}, {stride, stride}, {1, 1}, Padding::All(kernel / 2)};
    from = b.Convolution(prefix + "conv" + index, from, in,
                         {.output_channels = out,
                          .window = window,
                          .bias = folded,
                          .weight_quantizer = WeightQuantizer{bits, true}});
    return folded ? from : b.BatchNorm(prefix + "bn" + index, from, out);
  };
  const auto activate = [&](const std::string& name, NodeId from) {
    from = b.Add(name, ActivationOp{ActivationKind::kRelu}, {from});
    return b.Quantize(name + ".q", from, 8, 0);
  };
  x = activate("relu", layer("", "1", b.Quantize("input.q", x, 8, 128), 3, 16, 1, 8));
  int64_t channels = 16;
  for (int stage = 1; stage <= 3; ++stage) {
    for (int block = 0; block < 3; ++block) {
      const std::string prefix =
          "layer" + std::to_string(stage) + "." + std::to_string(block) + ".";
      const int stride = stage > 1 && block == 0 ? 2 : 1;
      const int64_t out = channels * stride;
      NodeId y = activate(prefix + "relu1", layer(prefix, "1", x, channels, out, stride, 1));
      y = layer(prefix, "2", y, out, out, 1, 1);
      if (stride == 2) x = layer(prefix + "shortcut.", "", x, channels, out, 2, 1, 1);
      x = activate(prefix + "relu2", b.Add(prefix + "add", AddOp{}, {y, x}));
      channels = out;
    }
  }
  x = b.Add("flatten", FlattenOp{}, {b.Add("gap", GlobalAveragePoolOp{}, {x})});
  b.Linear("fc", b.Quantize("fc.q", x, 8, 0), 64, {10, true, WeightQuantizer{8, true}});
  return b.graph;
}

Graph TinyGraph() {
  Graph graph;
  graph.name = "tiny";
  graph.class_names = {"no", "yes"};
  graph.metadata = {{"data", "none"}};
  graph.Add("input", InputOp{{1, 1, 2, 2}}, {});
  ConvolutionOp op{.output_channels = 3, .bias = false, .weight_quantizer = WeightQuantizer{1}};
  op.window.kernel = {2, 2};
  graph.Add("conv", op, {0},
            {{"weight",
              Tensor({3, 1, 2, 2}, std::vector<int8_t>{1, -1, -1, 1, -1, -1, -1, -1, 1, 1, 1, -1})},
             {"weight_scale", Tensor({3}, std::vector<float>{0.5f, 1, 0.25f})}});
  graph.Add("flatten", FlattenOp{}, {1});
  graph.Add("fc", LinearOp{2}, {2},
            {{"weight", Tensor({2, 3}, std::vector<float>{1, -2, 3, -0.5f, 0.25f, 0})},
             {"bias", Tensor({2}, std::vector<float>{0.125f, -1})}});
  return graph;
}

}  // namespace signum::format
