#include "runtime/stage_step.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "runtime/aligned_buffer.h"

namespace signum::runtime {
namespace {

class StageStep : public Step {
 public:
  StageStep(const Value& input, Finish finish)
      : input_(input),
        finish_(std::move(finish)),
        tile_rows_(finish_.is_dense() ? FlatRows(input, finish_.channels()) : input.map_width()) {
    SIGNUM_CHECK(input.elements() % finish_.channels() == 0);
  }

  int64_t scratch_bytes() const override {
    return AlignUp(tile_rows_ * finish_.channels() * int64_t{sizeof(float)});
  }

  void Run(const RunContext& context) const override {
    const int64_t channels = finish_.channels();
    if (!finish_.is_dense()) {
      const int64_t height = input_.map_height();
      context.pool->ParallelFor(context.batch * height, [&](int64_t line, int thread) {
        const auto block = RowBlock::Lines(line / height, line % height, 1, input_.map_width());
        RunBlock(context, line * input_.map_width(), block, thread);
      });
      return;
    }
    const int64_t rows = context.batch * input_.elements() / channels;
    ParallelRanges(context, rows, tile_rows_, [&](int64_t begin, int64_t end, int thread) {
      RunBlock(context, begin, RowBlock::Flat(begin, end - begin, channels), thread);
    });
  }

 private:
  // Rows that a thread takes at a time; no more than a small map has, for all sessions pay
  // for the scratch.
  static int64_t FlatRows(const Value& input, int64_t channels) {
    constexpr int64_t kLeastElements = 2048;
    const int64_t elements = std::clamp(input.elements(), kLeastElements, kElementGrain);
    return std::max<int64_t>(1, elements / channels);
  }

  // `first` is the number of the block's first row.
  void RunBlock(const RunContext& context, int64_t first, const RowBlock& block, int thread) const {
    const int64_t channels = finish_.channels();
    auto* temporary = reinterpret_cast<float*>(context.Scratch(thread));
    const Finish::Tile tile = {
        .rows = block, .first_channel = 0, .channels = channels, .stride = channels};
    if (!input_.encoding.codes) {
      finish_.Run(context, tile, context.At<const float>(input_) + first * channels, temporary);
      return;
    }
    const uint8_t* codes = context.At<const uint8_t>(input_) + first * channels;
    const int zero_point = input_.encoding.zero_point;
    for (int64_t i = 0; i < block.pixels * channels; ++i) {
      temporary[i] = static_cast<float>(codes[i] - zero_point);
    }
    finish_.Run(context, tile, temporary, temporary);
  }

  Value input_;
  Finish finish_;
  int64_t tile_rows_;
};

class InputStep : public Step {
 public:
  InputStep(const Shape& shape, std::vector<float> mean, std::vector<float> deviation,
            Finish finish)
      : maps_(shape.rank() == 4),
        channels_(maps_ ? shape[1] : shape.elements()),
        height_(maps_ ? shape[2] : 1),
        width_(maps_ ? shape[3] : 1),
        mean_(std::move(mean)),
        deviation_(std::move(deviation)),
        finish_(std::move(finish)) {}

  int64_t scratch_bytes() const override {
    return AlignUp(width_ * channels_ * int64_t{sizeof(float)});
  }

  void Run(const RunContext& context) const override {
    context.pool->ParallelFor(context.batch * height_, [&](int64_t row, int thread) {
      auto* floats = reinterpret_cast<float*>(context.Scratch(thread));
      const float* image = context.images + row / height_ * channels_ * height_ * width_;
      for (int64_t c = 0; c < channels_; ++c) {
        const float* from = image + (c * height_ + row % height_) * width_;
        const float mean = mean_.empty() ? 0.0f : mean_[c];
        const float deviation = deviation_.empty() ? 1.0f : deviation_[c];
        for (int64_t x = 0; x < width_; ++x)
          floats[x * channels_ + c] = (from[x] - mean) / deviation;
      }
      // A line is one row of the finish.
      const Finish::Tile tile = {.rows = maps_ ? RowBlock::LineAsRow(row / height_, row % height_)
                                               : RowBlock::Images(row, 1),
                                 .first_channel = 0,
                                 .channels = finish_.channels(),
                                 .stride = finish_.channels()};
      finish_.Run(context, tile, floats, floats);
    });
  }

 private:
  bool maps_;
  int64_t channels_, height_, width_;
  std::vector<float> mean_, deviation_;
  Finish finish_;
};

class SignsStep : public Step {
 public:
  SignsStep(const Value& input, Signs signs) : input_(input), signs_(std::move(signs)) {}

  void Run(const RunContext& context) const override {
    const int64_t height = input_.map_height();
    context.pool->ParallelFor(context.batch * height, [&](int64_t line, int) {
      const auto block = RowBlock::Lines(line / height, line % height, 1, input_.map_width());
      signs_.Run(context, block, 0, signs_.channels());
    });
  }

 private:
  Value input_;
  Signs signs_;
};

class PlanesStep : public Step {
 public:
  PlanesStep(const Value& input, const Value& output, const kernels::CodePlanesKernel& kernel)
      : input_(input), output_(output), kernel_(&kernel) {}

  void Run(const RunContext& context) const override {
    const int64_t height = input_.map_height() + input_.ring.top + input_.ring.bottom;
    const int64_t width = input_.map_width() + input_.ring.left + input_.ring.right;
    const int64_t channels = input_.map_channels();
    const bool whole_bytes = channels % 8 == 0;  // so that a line is one row
    const int64_t grain = std::max<int64_t>(1, kElementGrain / (width * channels));
    ParallelRanges(context, context.batch * height, grain, [&](int64_t begin, int64_t end, int) {
      for (int64_t line = begin; line < end; ++line) {
        const int64_t plane_line = line / height * output_.planes() * height + line % height;
        kernel_->run({.rows = whole_bytes ? 1 : width,
                      .channels = whole_bytes ? width * channels : channels,
                      .bits = output_.encoding.bits,
                      .codes = context.At<const uint8_t>(input_) + line * input_.line_bytes(),
                      .codes_stride = channels,
                      .output = context.At<uint8_t>(output_) + plane_line * output_.line_bytes(),
                      .output_stride = output_.pixel_bytes(),
                      .plane_stride = output_.plane_bytes()});
      }
    });
  }

 private:
  Value input_, output_;
  const kernels::CodePlanesKernel* kernel_;
};

class OutputStep : public Step {
 public:
  explicit OutputStep(const Value& value) : value_(value) {}

  void Run(const RunContext& context) const override {
    const bool transpose = !IsRowMajor(value_.shape);
    const int64_t channels = transpose ? value_.channels() : 1;
    const int64_t pixels = value_.elements() / channels;
    context.pool->ParallelFor(context.batch * channels, [&](int64_t row, int) {
      const int64_t from = row / channels * value_.elements() + row % channels;
      float* to = context.outputs + row * pixels;
      if (value_.encoding.codes) {
        const Encoding& encoding = value_.encoding;
        const uint8_t* codes = context.At<const uint8_t>(value_) + from;
        for (int64_t i = 0; i < pixels; ++i) {
          to[i] = encoding.scale * static_cast<float>(codes[i * channels] - encoding.zero_point);
        }
      } else {
        const float* floats = context.At<const float>(value_) + from;
        for (int64_t i = 0; i < pixels; ++i) to[i] = floats[i * channels];
      }
    });
  }

 private:
  Value value_;
};

}  // namespace

int64_t StageRowLength(const Shape& shape) {
  constexpr int64_t kLongest = 1024;
  const std::vector<int64_t> sizes = StoredSizes(shape);
  int64_t length = sizes.empty() ? 1 : sizes.back();
  for (int axis = static_cast<int>(sizes.size()) - 2; axis >= 0; --axis) {
    if (length * sizes[axis] > kLongest) break;
    length *= sizes[axis];
  }
  return length;
}

std::unique_ptr<const Step> MakeStageStep(const Value& input, Finish finish) {
  return std::make_unique<StageStep>(input, std::move(finish));
}

std::unique_ptr<const Step> MakeSignsStep(const Value& input, Signs signs) {
  return std::make_unique<SignsStep>(input, std::move(signs));
}

std::unique_ptr<const Step> MakePlanesStep(const Value& input, const Value& output,
                                           const kernels::CodePlanesKernel& kernel) {
  return std::make_unique<PlanesStep>(input, output, kernel);
}

int64_t InputRowLength(const Shape& shape) {
  return shape.rank() == 4 ? shape[1] * shape[3] : shape.elements();
}

std::unique_ptr<const Step> MakeInputStep(const Shape& shape, std::vector<float> mean,
                                          std::vector<float> deviation, Finish finish) {
  SIGNUM_CHECK(finish.channels() == InputRowLength(shape));
  return std::make_unique<InputStep>(shape, std::move(mean), std::move(deviation),
                                     std::move(finish));
}

std::unique_ptr<const Step> MakeOutputStep(const Value& value) {
  return std::make_unique<OutputStep>(value);
}

}  // namespace signum::runtime
