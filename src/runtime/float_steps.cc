#include "runtime/float_steps.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/check.h"
#include "runtime/elementary.h"
#include "runtime/strides.h"

namespace signum::runtime {
namespace {

class DequantizeStep : public Step {
 public:
  DequantizeStep(const Value& input, const Value& output) : input_(input), output_(output) {}

  void Run(const RunContext& context) const override {
    const uint8_t* from = context.At<const uint8_t>(input_);
    float* to = context.At<float>(output_);
    const float scale = input_.encoding.scale;
    const int zero_point = input_.encoding.zero_point;
    ParallelRanges(context, context.batch * input_.elements(), kElementGrain,
                   [&](int64_t begin, int64_t end, int) {
                     for (int64_t i = begin; i < end; ++i) {
                       to[i] = scale * static_cast<float>(from[i] - zero_point);
                     }
                   });
  }

 private:
  Value input_, output_;
};

// Applies a function object to every element, so that its loop can vectorize.
template <typename Function>
class FunctionStep : public Step {
 public:
  FunctionStep(Function function, const Value& input, const Value& output)
      : function_(function), input_(input), output_(output) {}

  void Run(const RunContext& context) const override {
    const float* from = context.At<const float>(input_);
    float* to = context.At<float>(output_);
    ParallelRanges(context, context.batch * input_.elements(), kElementGrain,
                   [&](int64_t begin, int64_t end, int) {
                     for (int64_t i = begin; i < end; ++i) to[i] = function_(from[i]);
                   });
  }

 private:
  Function function_;
  Value input_, output_;
};

template <typename Function>
std::unique_ptr<const Step> MakeFunctionStep(Function function, const Value& input,
                                             const Value& output) {
  return std::make_unique<FunctionStep<Function>>(function, input, output);
}

float Clamp(float x, float low, float high) {
  return Choose(x < low, low, Choose(x > high, high, x));
}

// Calls body(row, channel) for stretches of equal channel: a stretch is `inner`
// elements where axis 1 is not stored last, and else a pixel of all channels.
class PerChannel {
 public:
  explicit PerChannel(const Value& value) {
    const std::vector<int64_t> sizes = StoredSizes(value.shape);
    const int axis = StoredAxis(value.shape, 1);
    channels_ = sizes[axis];
    for (size_t i = axis + 1; i < sizes.size(); ++i) inner_ *= sizes[i];
  }

  template <typename Body>  // body(element, channel)
  void ForEach(const RunContext& context, int64_t elements, const Body& body) const {
    const int64_t stretch = channels_ * inner_;
    const int64_t grain = std::max<int64_t>(1, kElementGrain / stretch);
    ParallelRanges(context, context.batch * elements / stretch, grain,
                   [&](int64_t begin, int64_t end, int) {
                     for (int64_t row = begin; row < end; ++row) Row(row * stretch, body);
                   });
  }

 private:
  template <typename Body>
  void Row(int64_t first, const Body& body) const {
    if (inner_ == 1) {
      for (int64_t c = 0; c < channels_; ++c) body(first + c, c);
      return;
    }
    for (int64_t c = 0; c < channels_; ++c) {
      for (int64_t i = 0; i < inner_; ++i) body(first + c * inner_ + i, c);
    }
  }

  int64_t channels_ = 1;
  int64_t inner_ = 1;
};

class PReluStep : public Step {
 public:
  PReluStep(std::vector<float> slopes, const Value& input, const Value& output)
      : slopes_(std::move(slopes)), input_(input), output_(output), channels_(input) {
    if (slopes_.size() == 1) slopes_.assign(static_cast<size_t>(input.shape[1]), slopes_[0]);
  }

  void Run(const RunContext& context) const override {
    const float* from = context.At<const float>(input_);
    float* to = context.At<float>(output_);
    const float* slopes = slopes_.data();
    channels_.ForEach(context, input_.elements(), [=](int64_t i, int64_t c) {
      const float x = from[i];
      const float below = slopes[c] * x;
      to[i] = x > 0.0f ? x : below;
    });
  }

 private:
  std::vector<float> slopes_;
  Value input_, output_;
  PerChannel channels_;
};

class AffineStep : public Step {
 public:
  AffineStep(std::vector<float> multiplier, std::vector<float> bias, const Value& input,
             const Value& output)
      : multiplier_(std::move(multiplier)),
        bias_(std::move(bias)),
        input_(input),
        output_(output),
        channels_(input) {}

  void Run(const RunContext& context) const override {
    const float* from = context.At<const float>(input_);
    float* to = context.At<float>(output_);
    const float* multiplier = multiplier_.data();
    const float* bias = bias_.data();
    channels_.ForEach(context, input_.elements(),
                      [=](int64_t i, int64_t c) { to[i] = from[i] * multiplier[c] + bias[c]; });
  }

 private:
  std::vector<float> multiplier_, bias_;
  Value input_, output_;
  PerChannel channels_;
};

// By the output's axis, 0 where the operand is broadcast.
std::vector<int64_t> BroadcastStrides(const Shape& operand) {
  std::vector<int64_t> strides = AxisStrides(operand);
  for (int axis = 1; axis < operand.rank(); ++axis) {
    if (operand[axis] == 1) strides[axis] = 0;
  }
  return strides;
}

template <typename Operation>
class BinaryStep : public Step {
 public:
  BinaryStep(const Value& a, const Value& b, const Value& output)
      : a_(a),
        b_(b),
        output_(output),
        a_view_(output.shape, BroadcastStrides(a.shape)),
        b_view_(output.shape, BroadcastStrides(b.shape)) {}

  void Run(const RunContext& context) const override {
    const int64_t inner = a_view_.inner();
    const int64_t rows = output_.elements() / inner;
    const int64_t grain = std::max<int64_t>(1, kElementGrain / inner);
    ParallelRanges(context, context.batch * rows, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t image = row / rows;
        const float* a =
            context.At<const float>(a_) + image * a_.elements() + a_view_.RowOffset(row % rows);
        const float* b =
            context.At<const float>(b_) + image * b_.elements() + b_view_.RowOffset(row % rows);
        RunRow(a, a_view_.inner_stride(), b, b_view_.inner_stride(), inner,
               context.At<float>(output_) + row * inner);
      }
    });
  }

 private:
  static void RunRow(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                     int64_t count, float* to) {
    if (a_stride == 1 && b_stride == 1) {
      for (int64_t i = 0; i < count; ++i) to[i] = Operation()(a[i], b[i]);
    } else {
      for (int64_t i = 0; i < count; ++i) to[i] = Operation()(a[i * a_stride], b[i * b_stride]);
    }
  }

  Value a_, b_, output_;
  StridedView a_view_, b_view_;
};

class SoftmaxStep : public Step {
 public:
  SoftmaxStep(int axis, const Value& input, const Value& output) : input_(input), output_(output) {
    const std::vector<int64_t> sizes = StoredSizes(input.shape);
    const int stored = StoredAxis(input.shape, axis);
    count_ = sizes[stored];
    for (size_t i = stored + 1; i < sizes.size(); ++i) inner_ *= sizes[i];
  }

  void Run(const RunContext& context) const override {
    const int64_t rows = context.batch * input_.elements() / count_;
    const int64_t grain = std::max<int64_t>(1, kElementGrain / 16 / count_);
    ParallelRanges(context, rows, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t first = row / inner_ * count_ * inner_ + row % inner_;
        RunRow(context.At<const float>(input_) + first, context.At<float>(output_) + first);
      }
    });
  }

 private:
  void RunRow(const float* from, float* to) const {
    float highest = from[0];
    for (int64_t i = 1; i < count_; ++i) highest = std::max(highest, from[i * inner_]);
    float sum = 0.0f;
    for (int64_t i = 0; i < count_; ++i) {
      to[i * inner_] = Exp(from[i * inner_] - highest);
      sum += to[i * inner_];
    }
    for (int64_t i = 0; i < count_; ++i) to[i * inner_] /= sum;
  }

  Value input_, output_;
  int64_t count_ = 1;
  int64_t inner_ = 1;
};

}  // namespace

std::unique_ptr<const Step> MakeDequantizeStep(const Value& input, const Value& output) {
  return std::make_unique<DequantizeStep>(input, output);
}

std::unique_ptr<const Step> MakeActivationStep(ActivationKind kind, const Value& input,
                                               const Value& output) {
  switch (kind) {
    case ActivationKind::kRelu:
      return MakeFunctionStep([](float x) { return x < 0.0f ? 0.0f : x; }, input, output);
    case ActivationKind::kRelu6:
      return MakeFunctionStep([](float x) { return Clamp(x, 0.0f, 6.0f); }, input, output);
    case ActivationKind::kHardTanh:
      return MakeFunctionStep([](float x) { return Clamp(x, -1.0f, 1.0f); }, input, output);
    case ActivationKind::kTanh:
      return MakeFunctionStep([](float x) { return Tanh(x); }, input, output);
    case ActivationKind::kSigmoid:
      return MakeFunctionStep([](float x) { return Sigmoid(x); }, input, output);
    case ActivationKind::kSwish:
      return MakeFunctionStep([](float x) { return x * Sigmoid(x); }, input, output);
    case ActivationKind::kHardSwish:
      return MakeFunctionStep([](float x) { return x * Clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f; }, input,
                              output);
    case ActivationKind::kSign:
      return MakeFunctionStep([](float x) { return static_cast<float>((x > 0.0f) - (x < 0.0f)); },
                              input, output);
  }
  SIGNUM_CHECK(false);
  return nullptr;
}

std::unique_ptr<const Step> MakeClampStep(const ClampOp& op, const Value& input,
                                          const Value& output) {
  const float low = op.low, high = op.high;
  return MakeFunctionStep([=](float x) { return Clamp(x, low, high); }, input, output);
}

std::unique_ptr<const Step> MakePReluStep(std::vector<float> slopes, const Value& input,
                                          const Value& output) {
  return std::make_unique<PReluStep>(std::move(slopes), input, output);
}

std::unique_ptr<const Step> MakeAffineStep(std::vector<float> multiplier, std::vector<float> bias,
                                           const Value& input, const Value& output) {
  return std::make_unique<AffineStep>(std::move(multiplier), std::move(bias), input, output);
}

std::unique_ptr<const Step> MakeBinaryStep(BinaryKind kind, const Value& a, const Value& b,
                                           const Value& output) {
  switch (kind) {
    case BinaryKind::kAdd: return std::make_unique<BinaryStep<std::plus<float>>>(a, b, output);
    case BinaryKind::kSubtract:
      return std::make_unique<BinaryStep<std::minus<float>>>(a, b, output);
    case BinaryKind::kMultiply:
      return std::make_unique<BinaryStep<std::multiplies<float>>>(a, b, output);
    case BinaryKind::kDivide:
      return std::make_unique<BinaryStep<std::divides<float>>>(a, b, output);
  }
  SIGNUM_CHECK(false);
  return nullptr;
}

std::unique_ptr<const Step> MakeSoftmaxStep(int axis, const Value& input, const Value& output) {
  return std::make_unique<SoftmaxStep>(axis, input, output);
}

}  // namespace signum::runtime
