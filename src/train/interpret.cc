#include "train/interpret.h"

#include <limits>

#include "base/check.h"
#include "train/prelu.h"
#include "train/quantizers.h"

namespace signum::train {
namespace {

std::vector<int64_t> Sizes(const std::array<int, 2>& sizes) { return {sizes[0], sizes[1]}; }

bool IsSymmetric(const Padding& p) { return p.top == p.bottom && p.left == p.right; }

torch::Tensor PadSides(const torch::Tensor& x, const Padding& p, double value) {
  return torch::constant_pad_nd(x, {p.left, p.right, p.top, p.bottom}, value);
}

// A per-channel vector in a shape that broadcasts against x.
torch::Tensor PerChannel(const std::vector<float>& values, const torch::Tensor& x) {
  return torch::tensor(values).to(x.device()).reshape({1, -1, 1, 1});
}

struct Interpreter {
  const NodeContext& c;

  const torch::Tensor& x() const { return c.inputs[0]; }

  torch::Tensor Find(const char* role) const {
    const auto found = c.tensors.find(role);
    return found == c.tensors.end() ? torch::Tensor() : found->second;
  }

  torch::Tensor operator()(const InputOp&) const {
    SIGNUM_CHECK(false && "the input is given, not computed");
    return {};
  }
  torch::Tensor operator()(const NormalizeOp& op) const {
    return (x() - PerChannel(op.mean, x())) / PerChannel(op.deviation, x());
  }
  torch::Tensor operator()(const ConvolutionOp& op) const {
    const Window& w = op.window;
    torch::Tensor in = x();
    std::vector<int64_t> padding{w.padding.top, w.padding.left};
    if (op.pad_code != 0 || !IsSymmetric(w.padding)) {
      const double unit = op.pad_code == 0 ? 0 : c.padding_unit.item<double>();
      in = PadSides(in, w.padding, op.pad_code * unit);
      padding = {0, 0};
    }
    return torch::conv2d(in, c.weight, Find("bias"), Sizes(w.stride), padding, Sizes(w.dilation),
                         op.groups);
  }
  torch::Tensor operator()(const LinearOp&) const {
    return torch::nn::functional::linear(x(), c.weight, Find("bias"));
  }
  torch::Tensor operator()(const BatchNormOp& op) const {
    const double momentum =
        c.options.batch_norm_momentum < 0 ? op.momentum : c.options.batch_norm_momentum;
    return torch::batch_norm(x(), Find("weight"), Find("bias"), Find("running_mean"),
                             Find("running_var"), c.options.training, momentum, op.epsilon,
                             /*cudnn_enabled=*/true);
  }
  torch::Tensor operator()(const ActivationOp& op) const {
    switch (op.kind) {
      case ActivationKind::kRelu: return torch::relu(x());
      case ActivationKind::kRelu6: return torch::clamp(x(), 0, 6);
      case ActivationKind::kHardTanh: return torch::clamp(x(), -1, 1);
      case ActivationKind::kTanh: return torch::tanh(x());
      case ActivationKind::kSigmoid: return torch::sigmoid(x());
      case ActivationKind::kSwish: return torch::silu(x());
      case ActivationKind::kHardSwish: return torch::hardswish(x());
      case ActivationKind::kSign: return torch::sign(x());
    }
    SIGNUM_CHECK(false && "every activation is handled above");
    return {};
  }
  torch::Tensor operator()(const PReluOp&) const { return PRelu(x(), Find("weight")); }
  torch::Tensor operator()(const MaxPoolOp& op) const {
    const Window& w = op.window;
    // Padded by hand: torch allows only half a window, on both sides alike.
    const bool padded = w.padding != Padding{};
    const torch::Tensor in =
        padded ? PadSides(x(), w.padding, -std::numeric_limits<double>::infinity()) : x();
    return torch::max_pool2d(in, Sizes(w.kernel), Sizes(w.stride), {0, 0}, Sizes(w.dilation));
  }
  torch::Tensor operator()(const AveragePoolOp& op) const {
    const Window& w = op.window;
    const auto pool = [&](const torch::Tensor& in) {
      return torch::avg_pool2d(in, Sizes(w.kernel), Sizes(w.stride));
    };
    if (w.padding == Padding{}) return pool(x());
    const torch::Tensor sum = pool(PadSides(x(), w.padding, 0));
    if (op.count_padding) return sum;
    const torch::Tensor ones = torch::ones({1, 1, x().size(2), x().size(3)}, x().options());
    return sum / pool(PadSides(ones, w.padding, 0));
  }
  torch::Tensor operator()(const GlobalAveragePoolOp&) const {
    return torch::adaptive_avg_pool2d(x(), {1, 1});
  }
  torch::Tensor operator()(const AddOp&) const { return c.inputs[0] + c.inputs[1]; }
  torch::Tensor operator()(const SubtractOp&) const { return c.inputs[0] - c.inputs[1]; }
  torch::Tensor operator()(const MultiplyOp&) const { return c.inputs[0] * c.inputs[1]; }
  torch::Tensor operator()(const DivideOp&) const { return c.inputs[0] / c.inputs[1]; }
  torch::Tensor operator()(const MatMulOp&) const {
    return torch::matmul(c.inputs[0], c.inputs[1]);
  }
  torch::Tensor operator()(const ReduceMeanOp& op) const {
    return x().mean(std::vector<int64_t>(op.axes.begin(), op.axes.end()), op.keep_axes);
  }
  torch::Tensor operator()(const TransposeOp& op) const {
    return x().permute(std::vector<int64_t>(op.permutation.begin(), op.permutation.end()));
  }
  torch::Tensor operator()(const ClampOp& op) const { return torch::clamp(x(), op.low, op.high); }
  torch::Tensor operator()(const ConstantOp& op) const {
    std::vector<int64_t> sizes = op.shape.sizes();
    sizes[0] = c.batch;
    return Find("value").expand(sizes);
  }
  torch::Tensor operator()(const ConvTransposeOp& op) const {
    // Without padding, then cut by hand: torch cuts both sides alike.
    const Window& w = op.window;
    const torch::Tensor whole = torch::conv_transpose2d(
        x(), Find("weight"), Find("bias"), Sizes(w.stride), 0, 0, op.groups, Sizes(w.dilation));
    const Padding& p = w.padding;
    const auto [height, width] = op.output_padding;
    // The extra rows of output padding hold the bias alone.
    torch::Tensor extra = PadSides(torch::zeros_like(whole), {0, 0, height, width}, 1);
    torch::Tensor out = PadSides(whole, {-p.top, -p.left, height - p.bottom, width - p.right}, 0);
    if (!op.bias) return out;
    extra = PadSides(extra, {-p.top, -p.left, -p.bottom, -p.right}, 0);
    return out + extra * Find("bias").reshape({1, -1, 1, 1});
  }
  torch::Tensor operator()(const ConcatOp& op) const { return torch::cat(c.inputs, op.axis); }
  torch::Tensor operator()(const FlattenOp&) const { return x().flatten(1); }
  torch::Tensor operator()(const ReshapeOp& op) const {
    std::vector<int64_t> shape = op.shape;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 0) shape[i] = x().size(static_cast<int64_t>(i));
    }
    return x().reshape(shape);
  }
  torch::Tensor operator()(const PadOp& op) const {
    std::vector<int64_t> sides;  // torch counts axes from the last
    for (size_t i = op.before.size(); i-- > 0;) {
      sides.push_back(op.before[i]);
      sides.push_back(op.after[i]);
    }
    return torch::constant_pad_nd(x(), sides, op.value);
  }
  torch::Tensor operator()(const UpsampleOp& op) const {
    const std::vector<int64_t> size{x().size(2) * op.scale, x().size(3) * op.scale};
    if (op.mode == UpsampleMode::kNearest) return at::upsample_nearest2d(x(), size);
    return at::upsample_bilinear2d(x(), size, /*align_corners=*/false);
  }
  torch::Tensor operator()(const SoftmaxOp& op) const { return torch::softmax(x(), op.axis); }
  torch::Tensor operator()(const DropoutOp& op) const {
    return torch::dropout(x(), op.probability, c.options.training && c.options.dropout);
  }
  torch::Tensor operator()(const QuantizeOp& op) const {
    if (op.bits == 1) {
      return FakeSign(x(), Find("scale"), Find("shift"), ParseSignGradient(c.config.sign_gradient),
                      c.options.progress);
    }
    const auto method = c.config.value_method == "pact" ? ValueMethod::kPact : ValueMethod::kLsq;
    return FakeQuantize(x(), Find("scale"), op.zero_point, op.bits, method);
  }
};

}  // namespace

torch::Tensor Interpret(const NodeContext& context) {
  return std::visit(Interpreter{context}, context.node.op);
}

}  // namespace signum::train
