#include "runtime/pool_steps.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "runtime/aligned_buffer.h"

namespace signum::runtime {
namespace {

// The taps [first, last) of a window starting at `start` that lie in an axis.
struct TapRange {
  int64_t first, last;
};
TapRange TapsInside(int64_t start, int64_t size, int64_t kernel, int64_t dilation) {
  const auto taps_below = [&](int64_t bound) {  // taps at positions under `bound`
    return bound <= start ? 0 : (bound - start + dilation - 1) / dilation;
  };
  return {taps_below(0), std::min(kernel, taps_below(size))};
}

// Calls visit(pixel) for every tap of output pixel `row` (counted through all
// images of the batch) that lies in its map, with the tap's first element.
template <typename T, typename Visit>
inline void ForEachTap(const Window& window, const Value& input, const Value& output, const T* data,
                       int64_t row, const Visit& visit) {
  const int64_t pixels = output.height() * output.width();
  const T* map = data + row / pixels * input.elements();
  const int64_t y0 = row % pixels / output.width() * window.stride[0] - window.padding.top;
  const int64_t x0 = row % output.width() * window.stride[1] - window.padding.left;
  const TapRange rows = TapsInside(y0, input.height(), window.kernel[0], window.dilation[0]);
  const TapRange columns = TapsInside(x0, input.width(), window.kernel[1], window.dilation[1]);
  for (int64_t ky = rows.first; ky < rows.last; ++ky) {
    const T* line = map + (y0 + ky * window.dilation[0]) * input.width() * input.channels();
    for (int64_t kx = columns.first; kx < columns.last; ++kx) {
      visit(line + (x0 + kx * window.dilation[1]) * input.channels());
    }
  }
}

template <typename Body>
void ForEachPixel(const RunContext& context, const Window& window, const Value& output,
                  const Body& body) {
  const int64_t taps = std::min<int64_t>(int64_t{window.kernel[0]} * window.kernel[1], 1 << 20);
  const int64_t grain = std::max<int64_t>(1, kElementGrain / (output.channels() * taps));
  const int64_t rows = context.batch * output.height() * output.width();
  ParallelRanges(context, rows, grain, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t row = begin; row < end; ++row) body(row, thread);
  });
}

template <typename T>
class MaxPoolStep : public Step {
 public:
  MaxPoolStep(const Window& window, const Value& input, const Value& output)
      : window_(window), input_(input), output_(output) {}

  void Run(const RunContext& context) const override {
    const int64_t channels = output_.channels();
    ForEachPixel(context, window_, output_, [&](int64_t row, int) {
      T* to = context.At<T>(output_) + row * channels;
      using Limits = std::numeric_limits<T>;
      std::fill_n(to, channels, Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
      ForEachTap(window_, input_, output_, context.At<const T>(input_), row, [&](const T* from) {
        for (int64_t c = 0; c < channels; ++c) to[c] = from[c] > to[c] ? from[c] : to[c];
      });
    });
  }

 private:
  Window window_;
  Value input_, output_;
};

class AveragePoolStep : public Step {
 public:
  AveragePoolStep(const AveragePoolOp& op, const Value& input, const Value& output)
      : op_(op), input_(input), output_(output) {}

  int64_t scratch_bytes() const override {
    return AlignUp(output_.channels() * int64_t{sizeof(int64_t)});
  }

  void Run(const RunContext& context) const override {
    ForEachPixel(context, op_.window, output_, [&](int64_t row, int thread) {
      float* to = context.At<float>(output_) + row * output_.channels();
      if (input_.encoding.codes) {
        // Larger windows than this could sum to more than an int32 holds.
        constexpr int64_t kMostTaps = (int64_t{1} << 31) / 256;
        const int64_t taps = int64_t{op_.window.kernel[0]} * op_.window.kernel[1];
        if (taps <= kMostTaps) {
          MeanOfCodes(context, row, reinterpret_cast<int32_t*>(context.Scratch(thread)), to);
        } else {
          MeanOfCodes(context, row, reinterpret_cast<int64_t*>(context.Scratch(thread)), to);
        }
      } else {
        MeanOfFloats(context, row, to);
      }
    });
  }

 private:
  int64_t Count(int64_t taps_inside) const {
    if (op_.count_padding) return int64_t{op_.window.kernel[0]} * op_.window.kernel[1];
    return std::max<int64_t>(1, taps_inside);
  }

  template <typename Sum>
  void MeanOfCodes(const RunContext& context, int64_t row, Sum* sums, float* to) const {
    const int64_t channels = output_.channels();
    Sum taps = 0;
    std::fill_n(sums, channels, Sum{0});
    ForEachTap(op_.window, input_, output_, context.At<const uint8_t>(input_), row,
               [&](const uint8_t* from) {
                 ++taps;
                 for (int64_t c = 0; c < channels; ++c) sums[c] += from[c];
               });
    const Encoding& encoding = input_.encoding;
    const auto scale =
        static_cast<float>(double{encoding.scale} / static_cast<double>(Count(taps)));
    for (int64_t c = 0; c < channels; ++c) {
      to[c] = static_cast<float>(sums[c] - taps * encoding.zero_point) * scale;
    }
  }

  void MeanOfFloats(const RunContext& context, int64_t row, float* to) const {
    const int64_t channels = output_.channels();
    int64_t taps = 0;
    std::fill_n(to, channels, 0.0f);
    ForEachTap(op_.window, input_, output_, context.At<const float>(input_), row,
               [&](const float* from) {
                 ++taps;
                 for (int64_t c = 0; c < channels; ++c) to[c] += from[c];
               });
    const auto count = static_cast<float>(Count(taps));
    for (int64_t c = 0; c < channels; ++c) to[c] /= count;
  }

  AveragePoolOp op_;
  Value input_, output_;
};

}  // namespace

std::unique_ptr<const Step> MakeMaxPoolStep(const Window& window, const Value& input,
                                            const Value& output) {
  if (input.encoding.codes) return std::make_unique<MaxPoolStep<uint8_t>>(window, input, output);
  return std::make_unique<MaxPoolStep<float>>(window, input, output);
}

std::unique_ptr<const Step> MakeAveragePoolStep(const AveragePoolOp& op, const Value& input,
                                                const Value& output) {
  return std::make_unique<AveragePoolStep>(op, input, output);
}

}  // namespace signum::runtime
