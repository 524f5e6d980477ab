#include "runtime/pool_steps.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "runtime/aligned_buffer.h"
#include "runtime/row_block.h"

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

// Calls visit(pixel) for every tap of output pixel (y, x) of an image that lies in its
// map, with the tap's first element. `base` is where the input starts.
template <typename T, typename Visit>
inline void ForEachTap(const Window& window, const Value& input, const std::byte* base,
                       int64_t image, int64_t y, int64_t x, const Visit& visit) {
  const int64_t y0 = y * window.stride[0] - window.padding.top;
  const int64_t x0 = x * window.stride[1] - window.padding.left;
  const TapRange rows = TapsInside(y0, input.height(), window.kernel[0], window.dilation[0]);
  const TapRange columns = TapsInside(x0, input.width(), window.kernel[1], window.dilation[1]);
  const int64_t step = window.dilation[1] * input.pixel_bytes();
  for (int64_t ky = rows.first; ky < rows.last; ++ky) {
    const std::byte* tap = base + input.offset(image, y0 + ky * window.dilation[0],
                                               x0 + columns.first * window.dilation[1]);
    for (int64_t kx = columns.first; kx < columns.last; ++kx, tap += step) {
      visit(reinterpret_cast<const T*>(tap));
    }
  }
}

// Calls body(image, y, thread) for every line of `output`.
template <typename Body>
void ForEachLine(const RunContext& context, const Value& output, const Body& body) {
  const int64_t height = output.height();
  context.pool->ParallelFor(context.batch * height, [&](int64_t line, int thread) {
    body(line / height, line % height, thread);
  });
}

// How the values of a pool are read and joined.
struct FloatPool {
  using Element = float;
  static constexpr float kLowest = -std::numeric_limits<float>::infinity();
  static auto Run(const kernels::MaxPoolKernel& kernel) { return kernel.run_f32; }
};
struct CodePool {
  using Element = uint8_t;
  static constexpr uint8_t kLowest = 0;
  static auto Run(const kernels::MaxPoolKernel& kernel) { return kernel.run_u8; }
};
struct BitPool : CodePool {
  static auto Run(const kernels::MaxPoolKernel& kernel) { return kernel.run_bits; }
};

template <typename Pool>
class MaxPoolStep : public Step {
 public:
  MaxPoolStep(const Window& window, const Value& input, const Value& output,
              const kernels::MaxPoolKernel& kernel)
      : window_(window), input_(input), output_(output), run_(Pool::Run(kernel)) {}

  int64_t scratch_bytes() const override {
    // A window may be larger than the map.
    const int64_t taps = std::min<int64_t>(window_.kernel[0], input_.height()) *
                         std::min<int64_t>(window_.kernel[1], input_.width());
    return AlignUp(taps * int64_t{sizeof(Element*)});
  }

  void Run(const RunContext& context) const override {
    const auto count = output_.pixel_bytes() / int64_t{sizeof(Element)};
    const auto* const input = context.At<const std::byte>(input_);
    auto* const output = context.At<std::byte>(output_);
    ForEachLine(context, output_, [&](int64_t image, int64_t y, int thread) {
      auto* const taps = reinterpret_cast<const Element**>(context.Scratch(thread));
      for (int64_t x = 0; x < output_.width(); ++x) {
        auto* const to = reinterpret_cast<Element*>(output + output_.offset(image, y, x));
        int64_t tap_count = 0;
        ForEachTap<Element>(window_, input_, input, image, y, x,
                            [&](const Element* from) { taps[tap_count++] = from; });
        if (tap_count > 0) {
          run_(taps, tap_count, count, to);
        } else {
          std::fill_n(to, count, Pool::kLowest);
        }
      }
      FillRing(output_, RowBlock::Lines(image, y, 1, output_.width()), output);
    });
  }

 private:
  using Element = typename Pool::Element;

  Window window_;
  Value input_, output_;
  decltype(Pool::Run({})) run_;
};

class AveragePoolStep : public Step {
 public:
  AveragePoolStep(const AveragePoolOp& op, const Value& input, const Value& output)
      : op_(op), input_(input), output_(output) {}

  int64_t scratch_bytes() const override {
    return AlignUp(output_.channels() * int64_t{sizeof(int64_t)});
  }

  void Run(const RunContext& context) const override {
    // Larger windows than this could sum to more than an int32 holds.
    constexpr int64_t kMostTaps = (int64_t{1} << 31) / 256;
    const bool small = int64_t{op_.window.kernel[0]} * op_.window.kernel[1] <= kMostTaps;
    ForEachLine(context, output_, [&](int64_t image, int64_t y, int thread) {
      std::byte* const scratch = context.Scratch(thread);
      for (int64_t x = 0; x < output_.width(); ++x) {
        if (!input_.encoding.codes) {
          MeanOfFloats(context, image, y, x);
        } else if (small) {
          MeanOfCodes(context, image, y, x, reinterpret_cast<int32_t*>(scratch));
        } else {
          MeanOfCodes(context, image, y, x, reinterpret_cast<int64_t*>(scratch));
        }
      }
    });
  }

 private:
  int64_t Count(int64_t taps_inside) const {
    if (op_.count_padding) return int64_t{op_.window.kernel[0]} * op_.window.kernel[1];
    return std::max<int64_t>(1, taps_inside);
  }

  float* Output(const RunContext& context, int64_t image, int64_t y, int64_t x) const {
    return reinterpret_cast<float*>(context.At<std::byte>(output_) + output_.offset(image, y, x));
  }

  template <typename Sum>
  void MeanOfCodes(const RunContext& context, int64_t image, int64_t y, int64_t x,
                   Sum* sums) const {
    float* const to = Output(context, image, y, x);
    const int64_t channels = output_.channels();
    Sum taps = 0;
    std::fill_n(sums, channels, Sum{0});
    ForEachTap<uint8_t>(op_.window, input_, context.At<const std::byte>(input_), image, y, x,
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

  void MeanOfFloats(const RunContext& context, int64_t image, int64_t y, int64_t x) const {
    float* const to = Output(context, image, y, x);
    const int64_t channels = output_.channels();
    int64_t taps = 0;
    std::fill_n(to, channels, 0.0f);
    ForEachTap<float>(op_.window, input_, context.At<const std::byte>(input_), image, y, x,
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
                                            const Value& output,
                                            const kernels::MaxPoolKernel& kernel) {
  if (input.bits) return std::make_unique<MaxPoolStep<BitPool>>(window, input, output, kernel);
  if (input.encoding.codes) {
    return std::make_unique<MaxPoolStep<CodePool>>(window, input, output, kernel);
  }
  return std::make_unique<MaxPoolStep<FloatPool>>(window, input, output, kernel);
}

std::unique_ptr<const Step> MakeAveragePoolStep(const AveragePoolOp& op, const Value& input,
                                                const Value& output) {
  return std::make_unique<AveragePoolStep>(op, input, output);
}

}  // namespace signum::runtime
