#include "runtime/move_steps.h"

#include <algorithm>
#include <utility>

namespace signum::runtime {
namespace {

template <typename T>
class TransposeStep : public Step {
 public:
  TransposeStep(int64_t rows, int64_t columns, const Value& input, const Value& output)
      : rows_(rows), columns_(columns), input_(input), output_(output) {}

  void Run(const RunContext& context) const override {
    const int64_t grain = std::max<int64_t>(1, kElementGrain / rows_);
    ParallelRanges(context, context.batch * columns_, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t line = begin; line < end; ++line) {
        const T* from = context.At<const T>(input_) + line / columns_ * rows_ * columns_;
        from += line % columns_;
        T* to = context.At<T>(output_) + line * rows_;
        for (int64_t row = 0; row < rows_; ++row) to[row] = from[row * columns_];
      }
    });
  }

 private:
  int64_t rows_, columns_;
  Value input_, output_;
};

template <typename T>
class ConcatStep : public Step {
 public:
  ConcatStep(int axis, std::vector<Value> inputs, const Value& output)
      : inputs_(std::move(inputs)), output_(output) {
    const std::vector<int64_t> sizes = StoredSizes(output.shape);
    const int stored = StoredAxis(output.shape, axis);
    for (int i = 0; i < stored; ++i) outer_ *= sizes[i];
    for (const Value& input : inputs_) lengths_.push_back(input.elements() / outer_);
  }

  void Run(const RunContext& context) const override {
    const int64_t length = output_.elements() / outer_;
    const int64_t grain = std::max<int64_t>(1, kElementGrain / length);
    ParallelRanges(context, context.batch * outer_, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        T* to = context.At<T>(output_) + row * length;
        for (size_t i = 0; i < inputs_.size(); ++i) {
          to = std::copy_n(context.At<const T>(inputs_[i]) + row * lengths_[i], lengths_[i], to);
        }
      }
    });
  }

 private:
  std::vector<Value> inputs_;
  Value output_;
  std::vector<int64_t> lengths_;  // adjacent elements of each input
  int64_t outer_ = 1;
};

template <typename T>
class PadStep : public Step {
 public:
  PadStep(const PadOp& op, T fill, const Value& input, const Value& output)
      : fill_(fill),
        input_(input),
        output_(output),
        in_sizes_(StoredSizes(input.shape)),
        out_sizes_(StoredSizes(output.shape)),
        before_(in_sizes_.size()) {
    for (int axis = 1; axis < input.shape.rank(); ++axis) {
      before_[StoredAxis(input.shape, axis)] = op.before[axis];
    }
    if (in_sizes_.empty()) in_sizes_ = out_sizes_ = {1}, before_ = {0};
  }

  void Run(const RunContext& context) const override {
    const int64_t inner = out_sizes_.back();
    const int64_t rows = output_.elements() / inner;
    const int64_t grain = std::max<int64_t>(1, kElementGrain / inner);
    ParallelRanges(context, context.batch * rows, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        const T* image = context.At<const T>(input_) + row / rows * input_.elements();
        FillRow(image, SourceRow(row % rows), context.At<T>(output_) + row * inner);
      }
    });
  }

 private:
  // The input's row that lies under an output row, or -1 where there is none.
  int64_t SourceRow(int64_t row) const {
    int64_t source = 0;
    int64_t stride = 1;
    for (int axis = static_cast<int>(out_sizes_.size()) - 2; axis >= 0; --axis) {
      const int64_t at = row % out_sizes_[axis] - before_[axis];
      if (at < 0 || at >= in_sizes_[axis]) return -1;
      source += at * stride;
      stride *= in_sizes_[axis];
      row /= out_sizes_[axis];
    }
    return source;
  }

  void FillRow(const T* image, int64_t source, T* to) const {
    const int64_t length = out_sizes_.back();
    const int64_t in_length = in_sizes_.back();
    const int64_t before = before_.back();
    const int64_t first = std::clamp<int64_t>(before, 0, length);
    const int64_t last = std::clamp<int64_t>(before + in_length, first, length);
    if (source < 0 || first == last) {
      std::fill_n(to, length, fill_);
      return;
    }
    std::fill(to, to + first, fill_);
    std::copy_n(image + source * in_length + (first - before), last - first, to + first);
    std::fill(to + last, to + length, fill_);
  }

  T fill_;
  Value input_, output_;
  std::vector<int64_t> in_sizes_, out_sizes_, before_;
};

template <typename T>
class NearestStep : public Step {
 public:
  NearestStep(int scale, const Value& input, const Value& output)
      : scale_(scale), input_(input), output_(output) {}

  void Run(const RunContext& context) const override {
    const int64_t channels = output_.channels();
    const int64_t in_length = input_.width() * channels;
    const int64_t length = output_.width() * channels;
    context.pool->ParallelFor(context.batch * input_.height(), [&](int64_t line, int) {
      const T* from = context.At<const T>(input_) + line * in_length;
      T* const first = context.At<T>(output_) + line * scale_ * length;
      T* to = first;
      for (int64_t x = 0; x < input_.width(); ++x, from += channels) {
        for (int64_t i = 0; i < scale_; ++i) to = std::copy_n(from, channels, to);
      }
      for (int64_t i = 1; i < scale_; ++i) to = std::copy_n(first, length, to);
    });
  }

 private:
  int64_t scale_;
  Value input_, output_;
};

}  // namespace

std::unique_ptr<const Step> MakeTransposeStep(int64_t rows, int64_t columns, const Value& input,
                                              const Value& output) {
  if (input.encoding.codes) {
    return std::make_unique<TransposeStep<uint8_t>>(rows, columns, input, output);
  }
  return std::make_unique<TransposeStep<float>>(rows, columns, input, output);
}

std::unique_ptr<const Step> MakeConcatStep(int axis, std::vector<Value> inputs,
                                           const Value& output) {
  if (output.encoding.codes) {
    return std::make_unique<ConcatStep<uint8_t>>(axis, std::move(inputs), output);
  }
  return std::make_unique<ConcatStep<float>>(axis, std::move(inputs), output);
}

std::unique_ptr<const Step> MakePadStep(const PadOp& op, const Value& input, const Value& output) {
  if (input.encoding.codes) {
    const auto zero = static_cast<uint8_t>(input.encoding.zero_point);
    return std::make_unique<PadStep<uint8_t>>(op, zero, input, output);
  }
  return std::make_unique<PadStep<float>>(op, op.value, input, output);
}

std::unique_ptr<const Step> MakeNearestStep(int scale, const Value& input, const Value& output) {
  if (input.encoding.codes) return std::make_unique<NearestStep<uint8_t>>(scale, input, output);
  return std::make_unique<NearestStep<float>>(scale, input, output);
}

}  // namespace signum::runtime
