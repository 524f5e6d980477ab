#include "runtime/testing/random_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "runtime/executor.h"
#include "runtime/program.h"

namespace signum::runtime {
namespace {

template <typename T>
const T* As(const Node& node) {
  return std::get_if<T>(&node.op);
}

class Grower {
 public:
  Grower(uint32_t seed, bool dyadic)
      : random_(seed),
        dyadic_(dyadic),
        most_elements_(Any(0, 15) == 0 ? 60000 : 4000),
        graph_(DrawInput(), seed, dyadic) {}

  RandomGraph Grow() {
    NodeId first = graph_.input();
    if (Any(0, 3) == 0) first = Normalized(first);
    maps_.push_back(first);
    maps_.push_back(Layer(first));
    for (int steps = Any(2, 9); steps > 0; --steps) Step();
    if (Chance()) Head();
    JoinEnds();
    return std::move(graph_);
  }

 private:
  int Any(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }
  int Pick(std::initializer_list<int> choices) {
    return *(choices.begin() + Any(0, static_cast<int>(choices.size()) - 1));
  }
  bool Chance() { return Any(0, 1) == 1; }
  Shape DrawInput() {
    const int larger = most_elements_ > 4000 ? 3 : 1;
    return {1, Pick({1, 3, 4, Any(1, 20)}), larger * Any(1, 12), larger * Pick({1, 8, Any(1, 14)})};
  }
  const Node& node(NodeId id) const { return graph_.graph().node(id); }

  // Mostly one of the newest maps.
  NodeId AnyMap() {
    const auto last = static_cast<int>(maps_.size()) - 1;
    return maps_[Chance() ? last : Any(std::max(0, last - 3), last)];
  }
  // Another map of the same shape, or -1.
  NodeId Like(NodeId id) {
    std::vector<NodeId> alike;
    for (NodeId map : maps_) {
      if (map != id && graph_.shape(map) == graph_.shape(id)) alike.push_back(map);
    }
    return alike.empty() ? -1 : alike[Any(0, static_cast<int>(alike.size()) - 1)];
  }

  bool Fits(const Op& op, NodeId in) const {
    Graph copy = graph_.graph();
    copy.Add("trial", op, {in});
    const auto shapes = InferShapes(copy);
    return shapes && shapes->back().elements() <= most_elements_;
  }

  // The largest magnitude of a value on an image.
  float Range(NodeId id) {
    const auto program = Compile(graph_.graph(), {.keep = {id}}).value();
    const auto executor = Executor::Create(program, {}).value();
    std::vector<float> output(program->output_shape().elements());
    float range = 0;
    const auto observe = [&](NodeId, int64_t, std::span<const float> values) {
      for (float value : values) range = std::max(range, std::abs(value));
    };
    const std::vector<float> image = graph_.Images(1);
    SIGNUM_CHECK(executor->Run(image, 1, output, observe).has_value());
    return range;
  }

  NodeId Quantized(NodeId in, int bits) {
    const int highest = (1 << bits) - 1;
    const int zero_point =
        bits == 1 ? 0 : Pick({0, (highest + 1) / 2, Any(0, highest), highest, highest / 3});
    const float range = std::clamp(Range(in), 1e-3f, 1e6f);
    float scale = range / static_cast<float>(highest) * static_cast<float>(Pick({1, 1, 2, 3})) *
                  (zero_point == 0 ? 1.0f : 2.0f);
    if (dyadic_) scale = std::exp2(std::round(std::log2(scale)));
    return graph_.Quantize(in, bits, zero_point, scale, bits == 1 && Any(0, 2) == 0);
  }
  NodeId Quantized(NodeId in) { return Quantized(in, Pick({1, 1, 1, 2, 4, 4, 8, 8, Any(2, 7)})); }

  // Whether the runtime has the value as codes.
  bool IsCodes(NodeId id) const {
    const Node& n = node(id);
    if (As<QuantizeOp>(n)) return true;
    return (As<MaxPoolOp>(n) || As<DropoutOp>(n) || As<FlattenOp>(n)) && IsCodes(n.inputs[0]);
  }
  NodeId Codes(NodeId id) { return IsCodes(id) && Any(0, 4) > 0 ? id : Quantized(id); }

  NodeId Normalized(NodeId in) {
    const auto channels = static_cast<size_t>(graph_.shape(in)[1]);
    return graph_.Add(
        NormalizeOp{std::vector(channels, 0.25f), std::vector(channels, dyadic_ ? 0.5f : 0.23f)},
        {in});
  }

  // A window that fits a map; pools do not see padding alone.
  template <typename MakeOp>
  auto WithWindow(NodeId in, const MakeOp& make) {
    for (int most = 5;; most = std::max(1, most - 1)) {
      Window w;
      w.kernel = {Pick({1, 3, Any(1, most)}), Pick({1, 3, Any(1, most)})};
      w.stride = {Any(1, std::min(most, 3)), Any(1, std::min(most, 3))};
      if (Any(0, 3) == 0) w.dilation = {Any(1, std::min(most, 3)), Any(1, std::min(most, 3))};
      if (Chance()) w.padding = Padding::All(std::min(w.kernel[0], w.kernel[1]) / 2);
      if (Any(0, 3) == 0) w.padding = {Any(0, most / 2), Any(0, 2), Any(0, 1), Any(0, most / 2)};
      if (most == 1) w = Window{};
      const auto op = make(w);
      if (Fits(op, in)) return op;
    }
  }

  NodeId MaxPool(NodeId in) {
    const MaxPoolOp op = WithWindow(in, [](const Window& w) { return MaxPoolOp{w}; });
    return graph_.Add(op, {in});
  }

  // What means are taken of: sums of floats may be rounded on the way to an exact mean.
  NodeId Averaged(NodeId in) { return dyadic_ ? Codes(in) : in; }

  NodeId AveragePool(NodeId in) {
    const AveragePoolOp op = WithWindow(in, [&](Window w) {
      w.dilation = {1, 1};
      if (dyadic_) w.kernel = {Pick({1, 2, 4}), Pick({1, 2})};
      return AveragePoolOp{w, dyadic_ || Chance()};
    });
    return graph_.Add(op, {Averaged(in)});
  }

  NodeId GlobalAverage(NodeId in) {
    const int64_t pixels = graph_.shape(in)[2] * graph_.shape(in)[3];
    if (dyadic_ && (pixels & (pixels - 1)) != 0) return MaxPool(in);
    return graph_.Add(GlobalAveragePoolOp{}, {Averaged(in)});
  }

  // A convolution; with `same`, its output has its input's shape. `weight_bits` 0 are any.
  NodeId Convolution(NodeId codes, bool same, int weight_bits = 0) {
    const int64_t channels = graph_.shape(codes)[1];
    ConvolutionOp op = WithWindow(codes, [&](Window w) {
      if (same) {
        const int d = Any(1, 2);
        w = {{2 * Any(0, 2) + 1, 2 * Any(0, 1) + 1}, {1, 1}, {d, 1}, {}};
        const int y = d * (w.kernel[0] / 2), x = w.kernel[1] / 2;
        w.padding = {y, x, y, x};
      }
      ConvolutionOp drawn;
      drawn.window = w;
      drawn.groups = Pick({1, 1, 1, 2, 4, static_cast<int>(channels)});
      while (channels % drawn.groups != 0) drawn.groups /= 2;
      const int64_t each =
          same ? channels / drawn.groups : Pick({1, 3, 8, 16, Any(1, 24), Any(1, 80)});
      drawn.output_channels = drawn.groups == channels && Chance() ? channels : drawn.groups * each;
      return drawn;
    });
    op.bias = Chance();
    if (weight_bits == 0) weight_bits = Pick({1, 1, 1, 2, 4, 8});
    op.weight_quantizer = WeightQuantizer{weight_bits, Any(0, 3) > 0};
    const auto* quantize = As<QuantizeOp>(node(codes));
    if (quantize != nullptr && quantize->bits == 1) op.pad_code = Pick({0, 0, 1, -1});
    return graph_.Convolution(codes, op);
  }

  // Some of what may follow a layer, in any order that networks have.
  NodeId Followed(NodeId x) {
    if (Chance()) x = graph_.BatchNorm(x);
    if (const NodeId other = Like(x); other >= 0 && Any(0, 2) == 0) x = Sum(x, other);
    switch (Any(0, 7)) {
      case 0: x = graph_.Activation(x, ActivationKind::kRelu); break;
      case 1: x = graph_.Activation(x, ActivationKind::kRelu6); break;
      case 2: x = graph_.Activation(x, ActivationKind::kHardTanh); break;
      case 3: x = graph_.PRelu(x); break;
      default: break;
    }
    if (Any(0, 2) > 0) {
      // Sometimes what is quantized has another reader.
      if (Any(0, 3) == 0) maps_.push_back(x);
      x = Quantized(x);
    }
    return x;
  }
  NodeId Layer(NodeId in) { return Followed(Convolution(Codes(in), Any(0, 3) == 0)); }

  NodeId Sum(NodeId a, NodeId b) {
    return graph_.Add(AddOp{}, Chance() ? std::vector{a, b} : std::vector{b, a});
  }

  // Codes that a layer and the sum behind it read, as in residual networks.
  NodeId ResidualBlock(NodeId in) {
    const NodeId codes = Quantized(in);
    if (Chance()) maps_.push_back(codes);
    NodeId x = Convolution(codes, true);
    if (Chance()) x = graph_.BatchNorm(x);
    if (graph_.shape(x) != graph_.shape(codes)) return Followed(x);
    x = Sum(x, Chance() ? codes : in);
    return Any(0, 2) > 0 ? Quantized(x) : x;
  }

  // Signs behind a batch norm with factors of any sign, pooled, read by a layer of 1 bit.
  NodeId PooledSigns(NodeId in) {
    NodeId x = graph_.BatchNorm(Convolution(Codes(in), false));
    const bool pooled_first = Chance();
    if (pooled_first) x = MaxPool(x);
    x = Quantized(x, 1);
    if (!pooled_first || Chance()) x = MaxPool(x);
    if (Any(0, 2) == 0) maps_.push_back(x);
    return Convolution(x, false);
  }

  // Layers of 1-bit weights and values in a row, which stay bits between them.
  NodeId BinaryLayers(NodeId in) {
    NodeId x = Quantized(graph_.BatchNorm(in), 1);
    for (int layers = Any(2, 4); layers > 0; --layers) {
      x = Convolution(x, Any(0, 2) == 0, 1);
      if (Chance()) x = graph_.BatchNorm(x);
      x = Quantized(x, 1);
      if (Any(0, 3) == 0) x = MaxPool(x);
      if (Any(0, 5) == 0) maps_.push_back(x);
    }
    return x;
  }

  NodeId Joined(NodeId in) {
    NodeId other = Like(in);
    if (other < 0) other = Chance() ? in : Quantized(in);
    if (2 * graph_.shape(in).elements() > most_elements_) return Sum(in, other);
    return graph_.Add(ConcatOp{Pick({1, 1, 1, 2, 3})}, {in, other});
  }

  NodeId Padded(NodeId in) {
    const PadOp op{{0, Any(0, 3), Any(0, 1), Any(-1, 2)},
                   {0, Any(0, 2), Any(0, 2), Any(0, 1)},
                   Any(0, 3) == 0 ? 0.5f : 0.0f};
    return Fits(op, in) ? graph_.Add(op, {in}) : graph_.Add(DropoutOp{}, {in});
  }

  NodeId Upsampled(NodeId in) {
    const UpsampleOp op{2, Chance() ? UpsampleMode::kNearest : UpsampleMode::kBilinear};
    if (!Fits(op, in)) return MaxPool(in);
    return graph_.Add(op, {op.mode == UpsampleMode::kBilinear ? Averaged(in) : in});
  }

  // What works on floats, element by element or nearly so.
  NodeId Elementwise(NodeId in) {
    constexpr ActivationKind kExact[] = {ActivationKind::kRelu, ActivationKind::kRelu6,
                                         ActivationKind::kHardTanh, ActivationKind::kSign};
    constexpr ActivationKind kRounded[] = {ActivationKind::kTanh, ActivationKind::kSigmoid,
                                           ActivationKind::kSwish, ActivationKind::kHardSwish};
    switch (Any(0, dyadic_ ? 3 : 6)) {
      case 0: return graph_.Activation(in, kExact[Any(0, 3)]);
      case 1: return graph_.Add(ClampOp{-0.75f, static_cast<float>(Any(1, 3))}, {in});
      case 2: return graph_.PRelu(in);
      case 3: return graph_.BatchNorm(in);
      case 4: return graph_.Add(SoftmaxOp{Any(1, 3)}, {in});
      case 5: {
        const NodeId mean = graph_.Add(GlobalAveragePoolOp{}, {in});
        const NodeId gate = graph_.Activation(mean, ActivationKind::kSigmoid);
        return graph_.Add(MultiplyOp{}, {in, gate});
      }
      default: return graph_.Activation(in, kRounded[Any(0, 3)]);
    }
  }

  NodeId Moved(NodeId in) {
    const Shape& shape = graph_.shape(in);
    switch (Any(0, 3)) {
      case 0: {
        const TransposeOp turned{{0, 1, 3, 2}}, rolled{{0, 3, 1, 2}};
        return graph_.Add(Chance() ? turned : rolled, {in});
      }
      case 1: return graph_.Add(ReshapeOp{{0, -1, 1, shape[3]}}, {in});
      default: return graph_.Add(DropoutOp{}, {in});
    }
  }

  void Step() {
    const NodeId x = AnyMap();
    const NodeId made = [&] {
      switch (Any(0, 17)) {
        case 0: return MaxPool(x);
        case 1: return Quantized(MaxPool(x));
        case 2: return AveragePool(x);
        case 3: return Any(0, 2) == 0 ? GlobalAverage(x) : Joined(x);
        case 4: return Joined(x);
        case 5: return Padded(x);
        case 6: return Upsampled(x);
        case 7: return Elementwise(x);
        case 8: return Any(0, 2) == 0 ? Moved(x) : Layer(x);
        case 9:
        case 10: return ResidualBlock(x);
        case 11:
        case 12: return PooledSigns(x);
        case 13:
        case 14: return BinaryLayers(x);
        default: return Layer(x);
      }
    }();
    maps_.push_back(made);
  }

  void Head() {
    NodeId x = AnyMap();
    if (Chance()) x = GlobalAverage(x);
    if (Chance()) x = Codes(x);
    x = graph_.Add(FlattenOp{}, {x});
    if (Any(0, 3) == 0) x = graph_.Add(DropoutOp{}, {x});
    for (int layers = Any(1, 2); layers > 0; --layers) {
      x = graph_.Linear(Codes(x), Any(1, 40), WeightQuantizer{Pick({1, 1, 4, 8}), Chance()},
                        Chance());
      if (Chance()) x = graph_.BatchNorm(x);
      if (Chance()) x = graph_.Activation(x, ActivationKind::kRelu);
    }
  }

  void JoinEnds() {
    std::vector<NodeId> ends;
    const NodeId count = graph_.graph().size();
    for (NodeId id = 0; id < count; ++id) {
      if (graph_.graph().Readers(id).empty()) ends.push_back(id);
    }
    if (ends.size() == 1) return;
    for (NodeId& end : ends) {
      if (graph_.shape(end).rank() != 2) end = graph_.Add(FlattenOp{}, {end});
    }
    graph_.Add(ConcatOp{1}, ends);
  }

  std::mt19937 random_;
  bool dyadic_;
  // Of a value. Most networks are small; some are large enough that threads share a layer.
  int64_t most_elements_;
  RandomGraph graph_;
  std::vector<NodeId> maps_;  // values of rank 4
};

}  // namespace

RandomGraph RandomNetwork(uint32_t seed, bool dyadic) { return Grower(seed, dyadic).Grow(); }

std::string Describe(const RandomGraph& network) {
  std::string text;
  for (NodeId id = 0; id < network.graph().size(); ++id) {
    const Node& node = network.graph().node(id);
    text += fmt::format("{}: {} of", node.name, OpName(node.op));
    for (NodeId input : node.inputs) text += " " + network.graph().node(input).name;
    text += " -> " + network.shape(id).ToString();
    if (const auto* quantize = As<QuantizeOp>(node)) {
      text += fmt::format(", {} bits, zero-point {}", quantize->bits, quantize->zero_point);
    }
    if (const auto* op = As<ConvolutionOp>(node)) {
      const Window& w = op->window;
      text += fmt::format(", kernel {}x{}, stride {}x{}, dilation {}x{}, padding {},{},{},{} of {}",
                          w.kernel[0], w.kernel[1], w.stride[0], w.stride[1], w.dilation[0],
                          w.dilation[1], w.padding.top, w.padding.left, w.padding.bottom,
                          w.padding.right, op->pad_code);
      text += fmt::format(", {} groups, {} weight bits", op->groups, op->weight_quantizer->bits);
    }
    text += "\n";
  }
  return text;
}

}  // namespace signum::runtime
