#include "runtime/strided_steps.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "runtime/strides.h"

namespace signum::runtime {
namespace {

// Calls body(image, row) for every row (all stored axes but the last) of every
// image of `output`; `work` is what a row costs, in elements of cheap work.
template <typename Body>
void ForEachRow(const RunContext& context, const Value& output, int64_t row_length, int64_t work,
                const Body& body) {
  const int64_t rows = output.elements() / row_length;
  const int64_t grain = std::max<int64_t>(1, kElementGrain / std::max<int64_t>(1, work));
  ParallelRanges(context, context.batch * rows, grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) body(row / rows, row % rows);
  });
}

class ConstantStep : public Step {
 public:
  ConstantStep(const Tensor& value, const Value& output) : output_(output) {
    // From the IR's row-major order to the stored one.
    std::vector<int64_t> strides(output.shape.rank());
    int64_t stride = 1;
    for (int axis = output.shape.rank() - 1; axis > 0; --axis) {
      strides[axis] = stride;
      stride *= output.shape[axis];
    }
    const StridedView view(output.shape, strides);
    for (int64_t row = 0; row < output.elements() / view.inner(); ++row) {
      for (int64_t i = 0; i < view.inner(); ++i) {
        values_.push_back(value.floats()[view.RowOffset(row) + i * view.inner_stride()]);
      }
    }
  }

  void Run(const RunContext& context) const override {
    float* to = context.At<float>(output_);
    for (int64_t image = 0; image < context.batch; ++image) {
      to = std::copy(values_.begin(), values_.end(), to);
    }
  }

 private:
  Value output_;
  std::vector<float> values_;  // of one image, as stored
};

template <typename T>
class PermuteStep : public Step {
 public:
  PermuteStep(const TransposeOp& op, const Value& input, const Value& output)
      : input_(input), output_(output), view_(output.shape, Permuted(op, input.shape)) {}

  void Run(const RunContext& context) const override {
    const int64_t inner = view_.inner();
    ForEachRow(context, output_, inner, inner, [&](int64_t image, int64_t row) {
      const T* from =
          context.At<const T>(input_) + image * input_.elements() + view_.RowOffset(row);
      T* to = context.At<T>(output_) + image * output_.elements() + row * inner;
      for (int64_t i = 0; i < inner; ++i) to[i] = from[i * view_.inner_stride()];
    });
  }

 private:
  static std::vector<int64_t> Permuted(const TransposeOp& op, const Shape& input) {
    const std::vector<int64_t> strides = AxisStrides(input);
    std::vector<int64_t> permuted;
    for (const int axis : op.permutation) permuted.push_back(strides[axis]);
    return permuted;
  }

  Value input_, output_;
  StridedView view_;
};

class ReduceMeanStep : public Step {
 public:
  ReduceMeanStep(const ReduceMeanOp& op, const Value& input, const Value& output)
      : input_(input), output_(output), view_(output.shape, KeptStrides(op, input.shape)) {
    const std::vector<int64_t> strides = AxisStrides(input.shape);
    for (const int axis : op.axes) reduced_.push_back({input.shape[axis], strides[axis]});
    for (const Axis& axis : reduced_) count_ *= axis.size;
  }

  void Run(const RunContext& context) const override {
    const int64_t inner = view_.inner();
    ForEachRow(context, output_, inner, inner * count_, [&](int64_t image, int64_t row) {
      const float* from =
          context.At<const float>(input_) + image * input_.elements() + view_.RowOffset(row);
      float* to = context.At<float>(output_) + image * output_.elements() + row * inner;
      for (int64_t i = 0; i < inner; ++i) {
        to[i] = Sum(from + i * view_.inner_stride(), 0) / static_cast<float>(count_);
      }
    });
  }

 private:
  struct Axis {
    int64_t size, stride;
  };

  static std::vector<int64_t> KeptStrides(const ReduceMeanOp& op, const Shape& input) {
    const std::vector<int64_t> strides = AxisStrides(input);
    std::vector<int64_t> kept;
    for (int axis = 0; axis < input.rank(); ++axis) {
      const bool reduced = std::find(op.axes.begin(), op.axes.end(), axis) != op.axes.end();
      if (!reduced || op.keep_axes) kept.push_back(reduced ? 0 : strides[axis]);
    }
    return kept;
  }

  float Sum(const float* from, size_t depth) const {
    if (depth == reduced_.size()) return *from;
    float sum = 0.0f;
    for (int64_t i = 0; i < reduced_[depth].size; ++i) {
      sum += Sum(from + i * reduced_[depth].stride, depth + 1);
    }
    return sum;
  }

  Value input_, output_;
  StridedView view_;
  std::vector<Axis> reduced_;
  int64_t count_ = 1;
};

class MatMulStep : public Step {
 public:
  MatMulStep(const Value& a, const Value& b, const Value& output)
      : a_(a),
        b_(b),
        output_(output),
        rank_(output.shape.rank()),
        depth_(a.shape[rank_ - 1]),
        a_depth_stride_(AxisStrides(a.shape)[rank_ - 1]),
        b_depth_stride_(AxisStrides(b.shape)[rank_ - 2]),
        a_view_(output.shape, Strides(a.shape, rank_ - 1)),
        b_view_(output.shape, Strides(b.shape, rank_ - 2)) {}

  void Run(const RunContext& context) const override {
    const int64_t inner = a_view_.inner();
    ForEachRow(context, output_, inner, inner * depth_, [&](int64_t image, int64_t row) {
      const float* a = context.At<const float>(a_) + image * a_.elements() + a_view_.RowOffset(row);
      const float* b = context.At<const float>(b_) + image * b_.elements() + b_view_.RowOffset(row);
      float* to = context.At<float>(output_) + image * output_.elements() + row * inner;
      for (int64_t i = 0; i < inner; ++i) {
        to[i] = Dot(a + i * a_view_.inner_stride(), b + i * b_view_.inner_stride());
      }
    });
  }

 private:
  // By the output's axis; 0 where the operand is broadcast, and along its depth.
  std::vector<int64_t> Strides(const Shape& operand, int depth_axis) const {
    std::vector<int64_t> strides = AxisStrides(operand);
    for (int axis = 1; axis < rank_; ++axis) {
      if (operand[axis] == 1 || axis == depth_axis) strides[axis] = 0;
    }
    return strides;
  }

  float Dot(const float* a, const float* b) const {
    float sum = 0.0f;
    for (int64_t k = 0; k < depth_; ++k) sum += a[k * a_depth_stride_] * b[k * b_depth_stride_];
    return sum;
  }

  Value a_, b_, output_;
  int rank_;
  int64_t depth_, a_depth_stride_, b_depth_stride_;
  StridedView a_view_, b_view_;
};

class ConvTransposeStep : public Step {
 public:
  ConvTransposeStep(const ConvTransposeOp& op, std::span<const float> weight,
                    std::span<const float> bias, const Value& input, const Value& output)
      : op_(op),
        input_(input),
        output_(output),
        in_group_(input.channels() / op.groups),
        out_group_(op.output_channels / op.groups),
        weight_(weight.size()),
        bias_(bias.begin(), bias.end()) {
    bias_.resize(static_cast<size_t>(op.output_channels));
    // {in, out, y, x} to {y, x, in, out}, so that the innermost loop is along outputs.
    const int64_t taps = int64_t{op.window.kernel[0]} * op.window.kernel[1];
    for (int64_t in = 0; in < input.channels(); ++in) {
      for (int64_t out = 0; out < out_group_; ++out) {
        for (int64_t tap = 0; tap < taps; ++tap) {
          weight_[(tap * input.channels() + in) * out_group_ + out] =
              weight[(in * out_group_ + out) * taps + tap];
        }
      }
    }
  }

  void Run(const RunContext& context) const override {
    const int64_t channels = output_.channels();
    ForEachRow(context, output_, channels, channels * in_group_, [&](int64_t image, int64_t pixel) {
      const float* map = context.At<const float>(input_) + image * input_.elements();
      float* to = context.At<float>(output_) + image * output_.elements() + pixel * channels;
      std::copy(bias_.begin(), bias_.end(), to);
      Pixel(map, pixel / output_.width(), pixel % output_.width(), to);
    });
  }

 private:
  // The input's coordinate whose tap `k` falls on output coordinate `at`, or -1.
  int64_t Source(int axis, int64_t at, int64_t k) const {
    const Window& w = op_.window;
    const int before = axis == 0 ? w.padding.top : w.padding.left;
    const int64_t scaled = at + before - k * w.dilation[axis];
    if (scaled < 0 || scaled % w.stride[axis] != 0) return -1;
    const int64_t source = scaled / w.stride[axis];
    return source < input_.shape[2 + axis] ? source : -1;
  }

  void Pixel(const float* map, int64_t y, int64_t x, float* to) const {
    for (int64_t ky = 0; ky < op_.window.kernel[0]; ++ky) {
      const int64_t in_y = Source(0, y, ky);
      if (in_y < 0) continue;
      for (int64_t kx = 0; kx < op_.window.kernel[1]; ++kx) {
        const int64_t in_x = Source(1, x, kx);
        if (in_x < 0) continue;
        const float* from = map + (in_y * input_.width() + in_x) * input_.channels();
        const float* weight =
            weight_.data() + (ky * op_.window.kernel[1] + kx) * input_.channels() * out_group_;
        Tap(from, weight, to);
      }
    }
  }

  void Tap(const float* from, const float* weight, float* to) const {
    for (int64_t in = 0; in < input_.channels(); ++in, weight += out_group_) {
      float* group = to + in / in_group_ * out_group_;
      for (int64_t out = 0; out < out_group_; ++out) group[out] += from[in] * weight[out];
    }
  }

  ConvTransposeOp op_;
  Value input_, output_;
  int64_t in_group_, out_group_;  // channels of a group
  std::vector<float> weight_, bias_;
};

}  // namespace

std::unique_ptr<const Step> MakeConstantStep(const Tensor& value, const Value& output) {
  return std::make_unique<ConstantStep>(value, output);
}

std::unique_ptr<const Step> MakePermuteStep(const TransposeOp& op, const Value& input,
                                            const Value& output) {
  if (input.encoding.codes) return std::make_unique<PermuteStep<uint8_t>>(op, input, output);
  return std::make_unique<PermuteStep<float>>(op, input, output);
}

std::unique_ptr<const Step> MakeReduceMeanStep(const ReduceMeanOp& op, const Value& input,
                                               const Value& output) {
  return std::make_unique<ReduceMeanStep>(op, input, output);
}

std::unique_ptr<const Step> MakeMatMulStep(const Value& a, const Value& b, const Value& output) {
  return std::make_unique<MatMulStep>(a, b, output);
}

std::unique_ptr<const Step> MakeConvTransposeStep(const ConvTransposeOp& op,
                                                  std::span<const float> weight,
                                                  std::span<const float> bias, const Value& input,
                                                  const Value& output) {
  return std::make_unique<ConvTransposeStep>(op, weight, bias, input, output);
}

}  // namespace signum::runtime
