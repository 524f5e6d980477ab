// Runs of the depthwise kernels for their tests and benchmarks: maps, windows, padding.
#ifndef SIGNUM_KERNELS_TESTING_DEPTHWISE_H_
#define SIGNUM_KERNELS_TESTING_DEPTHWISE_H_

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/depthwise.h"
#include "kernels/testing/guarded_buffer.h"
#include "kernels/testing/kernel_list.h"

namespace signum::kernels {

// A run of pixels of one line, over as many lines of a map as the window has rows.
template <typename Kernel>
struct DepthwiseCase {
  using Value = typename Kernel::Value;
  using Sum = typename Kernel::Sum;

  DepthwiseWindow window;
  int64_t channels = 1, pixels = 1, stride = 1, dilation = 1;
  int64_t sums_gap = 0;                          // between the rows of sums
  std::vector<bool> outside;                     // by tap: whether it reads padding
  std::vector<Value> map;                        // [rows][line_pixels()][channels]
  std::vector<Value> padding;                    // [channels]
  std::vector<typename Kernel::Weight> weights;  // [taps][channels]
  std::vector<Sum> init;                         // [channels]

  int64_t line_pixels() const {
    return (pixels - 1) * stride + (window.columns - 1) * dilation + 1;
  }
  // The place in `map` of a tap of a pixel.
  int64_t Place(int64_t tap, int64_t pixel) const {
    const int64_t x = tap % window.columns * dilation + pixel * stride;
    return (tap / window.columns * line_pixels() + x) * channels;
  }
  Value At(int64_t tap, int64_t pixel, int64_t channel) const {
    return outside[tap] ? padding[channel] : map[Place(tap, pixel) + channel];
  }
};

// Without its numbers. Lines outside of the map are padding; of single pixels any tap.
template <typename Kernel>
DepthwiseCase<Kernel> DrawDepthwiseCase(std::mt19937& random, int64_t channels, int64_t pixels) {
  DepthwiseCase<Kernel> test;
  test.channels = channels;
  test.pixels = pixels;
  const bool usual = Uniform(random, 0, 1) == 0;
  test.window.rows = usual ? 3 : Uniform(random, 1, 7);
  test.window.columns = usual ? Uniform(random, 1, 2) * 2 + 1 : Uniform(random, 1, 7);
  test.stride = Uniform(random, 1, 3);
  test.dilation = Uniform(random, 1, 3);
  test.window.slides = test.stride == test.dilation;
  test.sums_gap = Uniform(random, 0, 2) * 5;
  bool outside = false;
  for (int64_t tap = 0; tap < test.window.taps(); ++tap) {
    if (pixels == 1 || tap % test.window.columns == 0) outside = Uniform(random, 0, 3) == 0;
    test.outside.push_back(outside);
  }
  test.map.resize(static_cast<size_t>(test.window.rows * test.line_pixels() * channels));
  test.padding.resize(static_cast<size_t>(channels));
  test.weights.resize(static_cast<size_t>(test.window.taps() * channels));
  test.init.resize(static_cast<size_t>(channels));
  return test;
}

// What `kernel` makes of channels [first, channels), first a multiple of kDepthwiseBlock:
// [pixels][channels - first]. Checks that it writes nothing else. Values may be read up to
// `overread` elements too far.
template <typename Kernel>
std::vector<typename Kernel::Sum> RunDepthwise(const Kernel& kernel,
                                               const DepthwiseCase<Kernel>& test, int64_t overread,
                                               int64_t first = 0, Flush flush = Flush::kEnd) {
  using Value = typename Kernel::Value;
  const auto guarded = [&](const std::vector<Value>& values) {
    std::vector<Value> longer = values;
    longer.resize(values.size() + static_cast<size_t>(overread), Value{77});
    return longer;
  };
  const GuardedBuffer<Value> map{std::span<const Value>(guarded(test.map)), flush};
  const GuardedBuffer<Value> padding{std::span<const Value>(guarded(test.padding)), flush};
  const GuardedBuffer<typename Kernel::Weight> weights{
      std::span<const typename Kernel::Weight>(test.weights), flush};
  GuardedBuffer<std::byte> packed(kernel.packed_bytes(test.channels, test.window), flush);
  kernel.pack(weights.data(), test.channels, test.window, packed.data());
  const GuardedBuffer<typename Kernel::Sum> init{std::span<const typename Kernel::Sum>(test.init),
                                                 flush};
  std::vector<DepthwiseTap<Value>> pointers;
  for (int64_t tap = 0; tap < test.window.taps(); ++tap) {
    const Value* from = test.outside[tap] ? padding.data() : map.data() + test.Place(tap, 0);
    pointers.push_back({from + first, test.outside[tap] ? 0 : test.stride * test.channels});
  }
  const GuardedBuffer<DepthwiseTap<Value>> taps{std::span<const DepthwiseTap<Value>>(pointers),
                                                flush};
  const int64_t width = test.channels - first;
  const int64_t stride = width + test.sums_gap;
  GuardedBuffer<typename Kernel::Sum> sums(static_cast<size_t>((test.pixels - 1) * stride + width),
                                           flush);
  kernel.run({.window = test.window,
              .taps = taps.data(),
              .pixels = test.pixels,
              .channels = width,
              .packed = packed.data() + (first == 0 ? 0 : kernel.packed_bytes(first, test.window)),
              .init = init.data() + first,
              .sums = sums.data(),
              .stride = stride});
  std::vector<typename Kernel::Sum> result;
  for (int64_t i = 0; i < static_cast<int64_t>(sums.size()); ++i) {
    if (i % stride < width) {
      result.push_back(sums[i]);
    } else {
      EXPECT_TRUE(sums.IsPoison(i)) << "wrote behind pixel " << i / stride;
    }
  }
  return result;
}

// Calls check(channels, pixels) for every number of each to 200 and 64, the other one at
// random.
template <typename Check>
void ForDepthwiseSizes(std::mt19937& random, const Check& check) {
  const auto until_failure = [&](int64_t channels, int64_t pixels) {
    if (!testing::Test::HasFailure()) check(channels, pixels);
  };
  for (int64_t channels = 1; channels <= 200; ++channels) {
    until_failure(channels, Uniform(random, 1, 20));
    until_failure(channels, 1);
  }
  for (int64_t pixels = 1; pixels <= 64; ++pixels) {
    for (int64_t channels : {1, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 130}) {
      if (pixels <= 20 || channels % 16 == 1) until_failure(channels, pixels);
    }
  }
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TESTING_DEPTHWISE_H_
