#include "runtime/testing/interpreter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "quant/arithmetic.h"

namespace signum::runtime {
namespace {

struct Array {
  Shape shape;  // with the batch
  std::vector<double> data;

  double& At(int64_t n, int64_t c, int64_t y, int64_t x) {
    return data[((n * shape[1] + c) * shape[2] + y) * shape[3] + x];
  }
  double At(int64_t n, int64_t c, int64_t y, int64_t x) const {
    return const_cast<Array*>(this)->At(n, c, y, x);
  }
  // The channel (axis 1) of element i.
  int64_t ChannelOf(int64_t i) const {
    int64_t inner = 1;
    for (int axis = 2; axis < shape.rank(); ++axis) inner *= shape[axis];
    return i / inner % shape[1];
  }
};

std::vector<int64_t> Coordinates(const Shape& shape, int64_t element) {
  std::vector<int64_t> at(shape.rank());
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    at[axis] = element % shape[axis];
    element /= shape[axis];
  }
  return at;
}

// The element of `shape` at `at`, taking a size of 1 as any.
int64_t Element(const Shape& shape, const std::vector<int64_t>& at) {
  int64_t element = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    element = element * shape[axis] + (shape[axis] == 1 ? 0 : at[axis]);
  }
  return element;
}

std::vector<double> Weights(const Node& node) {
  const Tensor& weight = *node.Find("weight");
  std::vector<double> values;
  if (weight.type() == DataType::kInt8) {
    const auto scales = node.Find("weight_scale")->floats();
    const int64_t row = weight.elements() / weight.shape()[0];
    for (int64_t i = 0; i < weight.elements(); ++i) {
      values.push_back(double{scales[scales.size() == 1 ? 0 : i / row]} * weight.codes()[i]);
    }
    return values;
  }
  const auto floats = weight.floats();
  const auto* quantizer = WeightQuantizerSlot(node.op);
  if (!*quantizer) return {floats.begin(), floats.end()};
  const int64_t rows = weight.shape()[0];
  const auto quantized =
      quant::QuantizeWeights(floats, rows, (*quantizer)->bits, (*quantizer)->per_channel);
  for (int64_t i = 0; i < weight.elements(); ++i) {
    const size_t scale = quantized.scales.size() == 1 ? 0 : i / (weight.elements() / rows);
    values.push_back(double{quantized.scales[scale]} * quantized.codes[i]);
  }
  return values;
}

double Activate(ActivationKind kind, double x) {
  switch (kind) {
    case ActivationKind::kRelu: return std::max(x, 0.0);
    case ActivationKind::kRelu6: return std::clamp(x, 0.0, 6.0);
    case ActivationKind::kHardTanh: return std::clamp(x, -1.0, 1.0);
    case ActivationKind::kTanh: return std::tanh(x);
    case ActivationKind::kSigmoid: return 1 / (1 + std::exp(-x));
    case ActivationKind::kSwish: return x / (1 + std::exp(-x));
    case ActivationKind::kHardSwish: return x * std::clamp(x + 3, 0.0, 6.0) / 6;
    case ActivationKind::kSign: return (x > 0) - (x < 0);
  }
  return 0;
}

// Visits one node; `out` has its shape.
class Interpreter {
 public:
  Interpreter(const Graph& graph, const Node& node, std::vector<const Array*> in, Array& out)
      : graph_(graph), node_(node), in_(std::move(in)), out_(out) {}

  void operator()(const InputOp&) const { SIGNUM_CHECK(false); }
  void operator()(const NormalizeOp& op) const {
    PerElement([&](double x, int64_t c) { return (x - op.mean[c]) / op.deviation[c]; });
  }
  void operator()(const ConvolutionOp& op) const;
  void operator()(const LinearOp&) const;
  void operator()(const BatchNormOp& op) const {
    PerElement([&](double x, int64_t c) {
      const double deviation = std::sqrt(double{Of("running_var", c)} + double{op.epsilon});
      return Of("weight", c) * (x - Of("running_mean", c)) / deviation + Of("bias", c);
    });
  }
  void operator()(const ActivationOp& op) const {
    PerElement([&](double x, int64_t) { return Activate(op.kind, x); });
  }
  void operator()(const PReluOp&) const {
    PerElement([&](double x, int64_t c) { return x > 0 ? x : x * Of("weight", c); });
  }
  void operator()(const MaxPoolOp& op) const {
    ForEachWindow(op.window, [](const std::vector<double>& taps, int64_t) {
      double highest = -std::numeric_limits<double>::infinity();
      for (double tap : taps) highest = std::max(highest, tap);
      return highest;
    });
  }
  void operator()(const AveragePoolOp& op) const {
    ForEachWindow(op.window, [&](const std::vector<double>& taps, int64_t size) {
      double sum = 0;
      for (double tap : taps) sum += tap;
      return sum / static_cast<double>(op.count_padding ? size : taps.size());
    });
  }
  void operator()(const GlobalAveragePoolOp&) const {
    AveragePoolOp whole;
    whole.window.kernel = {static_cast<int>(in_[0]->shape[2]), static_cast<int>(in_[0]->shape[3])};
    (*this)(whole);
  }
  void operator()(const AddOp&) const { Broadcast(std::plus<double>()); }
  void operator()(const SubtractOp&) const { Broadcast(std::minus<double>()); }
  void operator()(const MultiplyOp&) const { Broadcast(std::multiplies<double>()); }
  void operator()(const DivideOp&) const { Broadcast(std::divides<double>()); }
  void operator()(const ClampOp& op) const {
    PerElement([&](double x, int64_t) { return std::clamp<double>(x, op.low, op.high); });
  }
  void operator()(const ConstantOp&) const {
    const auto values = node_.Find("value")->floats();
    for (size_t i = 0; i < out_.data.size(); ++i) out_.data[i] = values[i % values.size()];
  }
  void operator()(const ConvTransposeOp& op) const;
  void operator()(const MatMulOp&) const;
  void operator()(const ReduceMeanOp& op) const;
  void operator()(const TransposeOp& op) const;
  void operator()(const ConcatOp& op) const;
  void operator()(const FlattenOp&) const { out_.data = in_[0]->data; }
  void operator()(const ReshapeOp&) const { out_.data = in_[0]->data; }
  void operator()(const DropoutOp&) const { out_.data = in_[0]->data; }
  void operator()(const PadOp& op) const;
  void operator()(const UpsampleOp& op) const;
  void operator()(const SoftmaxOp& op) const;
  void operator()(const QuantizeOp& op) const {
    const float scale = node_.Find("scale")->floats()[0];
    PerElement([&](double x, int64_t c) {
      const auto value = static_cast<float>(x);
      if (op.bits == 1) {
        const float shift = node_.Find("shift") == nullptr ? 0.0f : Of("shift", c);
        return double{scale} * (value >= shift ? 1 : -1);
      }
      const int code = quant::QuantizeValue(value, scale, op.zero_point, op.bits);
      return double{scale} * (code - op.zero_point);
    });
  }

 private:
  float Of(const char* role, int64_t channel) const {
    const auto values = node_.Find(role)->floats();
    return values[values.size() == 1 ? 0 : channel];
  }

  template <typename Function>
  void PerElement(const Function& function) const {
    for (int64_t i = 0; i < out_.shape.elements(); ++i) {
      const int64_t channel = out_.shape.rank() < 2 ? 0 : out_.ChannelOf(i);
      out_.data[i] = function(in_[0]->data[i], channel);
    }
  }

  template <typename Function>
  void ForEachWindow(const Window& window, const Function& function) const;

  template <typename Function>
  void Broadcast(const Function& function) const {
    for (int64_t i = 0; i < out_.shape.elements(); ++i) {
      const std::vector<int64_t> at = Coordinates(out_.shape, i);
      out_.data[i] = function(in_[0]->data[Element(in_[0]->shape, at)],
                              in_[1]->data[Element(in_[1]->shape, at)]);
    }
  }

  const Graph& graph_;
  const Node& node_;
  std::vector<const Array*> in_;
  Array& out_;
};

void Interpreter::operator()(const ConvolutionOp& op) const {
  const Array& in = *in_[0];
  const std::vector<double> weights = Weights(node_);
  const int64_t inputs = in.shape[1] / op.groups;
  const int64_t outputs = op.output_channels / op.groups;
  const auto* quantize = std::get_if<QuantizeOp>(&graph_.node(node_.inputs[0]).op);
  const double pad =
      quantize == nullptr
          ? 0
          : op.pad_code * double{graph_.node(node_.inputs[0]).Find("scale")->floats()[0]};
  for (int64_t i = 0; i < out_.shape.elements(); ++i) {
    const std::vector<int64_t> at = Coordinates(out_.shape, i);
    double sum = 0;
    for (int64_t c = 0; c < inputs; ++c) {
      for (int ky = 0; ky < op.window.kernel[0]; ++ky) {
        for (int kx = 0; kx < op.window.kernel[1]; ++kx) {
          const int64_t y =
              at[2] * op.window.stride[0] - op.window.padding.top + ky * op.window.dilation[0];
          const int64_t x =
              at[3] * op.window.stride[1] - op.window.padding.left + kx * op.window.dilation[1];
          const bool inside = y >= 0 && y < in.shape[2] && x >= 0 && x < in.shape[3];
          const int64_t w =
              ((at[1] * inputs + c) * op.window.kernel[0] + ky) * op.window.kernel[1] + kx;
          sum += weights[w] * (inside ? in.At(at[0], at[1] / outputs * inputs + c, y, x) : pad);
        }
      }
    }
    out_.data[i] = sum + (op.bias ? Of("bias", at[1]) : 0.0f);
  }
}

// As the definition has it: every input pixel adds its kernel to the output.
void Interpreter::operator()(const ConvTransposeOp& op) const {
  const Array& in = *in_[0];
  const auto weights = node_.Find("weight")->floats();
  const int64_t inputs = in.shape[1] / op.groups;
  const int64_t outputs = op.output_channels / op.groups;
  const auto [height, width] = op.window.kernel;
  for (int64_t i = 0; i < out_.shape.elements(); ++i) {
    out_.data[i] = op.bias ? Of("bias", out_.ChannelOf(i)) : 0.0f;
  }
  for (int64_t i = 0; i < in.shape.elements(); ++i) {
    const std::vector<int64_t> at = Coordinates(in.shape, i);
    for (int64_t tap = 0; tap < outputs * height * width; ++tap) {
      const int64_t channel = at[1] / inputs * outputs + tap / (height * width);
      const int64_t y = at[2] * op.window.stride[0] - op.window.padding.top +
                        tap / width % height * op.window.dilation[0];
      const int64_t x = at[3] * op.window.stride[1] - op.window.padding.left +
                        tap % width * op.window.dilation[1];
      if (y < 0 || y >= out_.shape[2] || x < 0 || x >= out_.shape[3]) continue;
      out_.At(at[0], channel, y, x) += in.data[i] * weights[at[1] * outputs * height * width + tap];
    }
  }
}

void Interpreter::operator()(const MatMulOp&) const {
  const int rank = out_.shape.rank();
  for (int64_t i = 0; i < out_.shape.elements(); ++i) {
    std::vector<int64_t> left = Coordinates(out_.shape, i), right = left;
    double sum = 0;
    for (int64_t k = 0; k < in_[0]->shape[rank - 1]; ++k) {
      left[rank - 1] = right[rank - 2] = k;
      sum +=
          in_[0]->data[Element(in_[0]->shape, left)] * in_[1]->data[Element(in_[1]->shape, right)];
    }
    out_.data[i] = sum;
  }
}

void Interpreter::operator()(const ReduceMeanOp& op) const {
  const Shape& shape = in_[0]->shape;
  std::vector<int64_t> kept = shape.sizes();
  for (const int axis : op.axes) kept[axis] = 1;
  const double count =
      static_cast<double>(shape.elements()) / static_cast<double>(out_.shape.elements());
  for (int64_t i = 0; i < shape.elements(); ++i) {
    out_.data[Element(Shape(kept), Coordinates(shape, i))] += in_[0]->data[i] / count;
  }
}

void Interpreter::operator()(const TransposeOp& op) const {
  for (int64_t i = 0; i < out_.shape.elements(); ++i) {
    const std::vector<int64_t> at = Coordinates(out_.shape, i);
    std::vector<int64_t> source(at.size());
    for (size_t axis = 0; axis < at.size(); ++axis) source[op.permutation[axis]] = at[axis];
    out_.data[i] = in_[0]->data[Element(in_[0]->shape, source)];
  }
}

void Interpreter::operator()(const LinearOp& op) const {
  const std::vector<double> weights = Weights(node_);
  const int64_t features = in_[0]->shape[1];
  for (int64_t i = 0; i < out_.shape.elements(); ++i) {
    const int64_t row = i / op.output_features;
    const int64_t out = i % op.output_features;
    double sum = op.bias ? Of("bias", out) : 0.0f;
    for (int64_t f = 0; f < features; ++f) {
      sum += weights[out * features + f] * in_[0]->data[row * features + f];
    }
    out_.data[i] = sum;
  }
}

template <typename Function>
void Interpreter::ForEachWindow(const Window& window, const Function& function) const {
  const Array& in = *in_[0];
  for (int64_t i = 0; i < out_.shape.elements(); ++i) {
    const std::vector<int64_t> at = Coordinates(out_.shape, i);
    std::vector<double> taps;
    for (int ky = 0; ky < window.kernel[0]; ++ky) {
      for (int kx = 0; kx < window.kernel[1]; ++kx) {
        const int64_t y = at[2] * window.stride[0] - window.padding.top + ky * window.dilation[0];
        const int64_t x = at[3] * window.stride[1] - window.padding.left + kx * window.dilation[1];
        if (y < 0 || y >= in.shape[2] || x < 0 || x >= in.shape[3]) continue;
        taps.push_back(in.At(at[0], at[1], y, x));
      }
    }
    out_.data[i] = function(taps, int64_t{window.kernel[0]} * window.kernel[1]);
  }
}

void Interpreter::operator()(const ConcatOp& op) const {
  for (int64_t i = 0; i < out_.shape.elements(); ++i) {
    std::vector<int64_t> at = Coordinates(out_.shape, i);
    size_t input = 0;
    while (at[op.axis] >= in_[input]->shape[op.axis]) {
      at[op.axis] -= in_[input++]->shape[op.axis];
    }
    int64_t element = 0;
    for (int axis = 0; axis < out_.shape.rank(); ++axis) {
      element = element * in_[input]->shape[axis] + at[axis];
    }
    out_.data[i] = in_[input]->data[element];
  }
}

void Interpreter::operator()(const PadOp& op) const {
  const Shape& shape = in_[0]->shape;
  for (int64_t i = 0; i < out_.shape.elements(); ++i) {
    const std::vector<int64_t> at = Coordinates(out_.shape, i);
    bool inside = true;
    int64_t element = 0;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const int64_t source = at[axis] - op.before[axis];
      inside = inside && source >= 0 && source < shape[axis];
      element = element * shape[axis] + source;
    }
    out_.data[i] = inside ? in_[0]->data[element] : op.value;
  }
}

void Interpreter::operator()(const UpsampleOp& op) const {
  const Array& in = *in_[0];
  const auto locate = [&](int64_t at, int64_t size) {
    const double source = std::max(0.0, (static_cast<double>(at) + 0.5) / op.scale - 0.5);
    const auto first = std::min(static_cast<int64_t>(source), size - 1);
    return std::pair{first, source - static_cast<double>(first)};
  };
  for (int64_t i = 0; i < out_.shape.elements(); ++i) {
    const std::vector<int64_t> at = Coordinates(out_.shape, i);
    if (op.mode == UpsampleMode::kNearest) {
      out_.data[i] = in.At(at[0], at[1], at[2] / op.scale, at[3] / op.scale);
      continue;
    }
    const auto [y, share_y] = locate(at[2], in.shape[2]);
    const auto [x, share_x] = locate(at[3], in.shape[3]);
    const int64_t y1 = std::min(y + 1, in.shape[2] - 1);
    const int64_t x1 = std::min(x + 1, in.shape[3] - 1);
    const auto value = [&](int64_t py, int64_t px) { return in.At(at[0], at[1], py, px); };
    out_.data[i] = (value(y, x) * (1 - share_x) + value(y, x1) * share_x) * (1 - share_y) +
                   (value(y1, x) * (1 - share_x) + value(y1, x1) * share_x) * share_y;
  }
}

void Interpreter::operator()(const SoftmaxOp& op) const {
  const Shape& shape = in_[0]->shape;
  for (int64_t i = 0; i < shape.elements(); ++i) {
    std::vector<int64_t> at = Coordinates(shape, i);
    double sum = 0;
    for (at[op.axis] = 0; at[op.axis] < shape[op.axis]; ++at[op.axis]) {
      int64_t element = 0;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        element = element * shape[axis] + at[axis];
      }
      sum += std::exp(in_[0]->data[element] - in_[0]->data[i]);
    }
    out_.data[i] = 1 / sum;
  }
}

}  // namespace

std::vector<double> Interpret(const Graph& graph, const std::vector<float>& images, int64_t batch,
                              bool* exact) {
  if (exact != nullptr) *exact = true;
  const std::vector<Shape> shapes = InferShapes(graph, batch).value();
  std::vector<Array> arrays(graph.size());
  arrays[0] = {shapes[0], {images.begin(), images.end()}};
  for (NodeId id = 1; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    std::vector<const Array*> in;
    for (NodeId input : node.inputs) in.push_back(&arrays[input]);
    arrays[id] = {shapes[id], std::vector<double>(shapes[id].elements())};
    std::visit(Interpreter(graph, node, std::move(in), arrays[id]), node.op);
    if (exact == nullptr) continue;
    for (double value : arrays[id].data) {
      *exact = *exact && static_cast<double>(static_cast<float>(value)) == value;
    }
  }
  return arrays[graph.output()].data;
}

}  // namespace signum::runtime
