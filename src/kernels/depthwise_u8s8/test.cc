#include <gtest/gtest.h>

#include <vector>

#include "kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "kernels/testing/depthwise.h"

namespace signum::kernels {
namespace {

using Case = DepthwiseCase<DepthwiseU8S8Kernel>;

std::vector<int32_t> Compute(const DepthwiseU8S8Kernel& kernel, const Case& test, int64_t first = 0,
                             Flush flush = Flush::kEnd) {
  return RunDepthwise(kernel, test, kOverread, first, flush);
}

Case DrawCase(std::mt19937& random, int64_t channels, int64_t pixels) {
  Case test = DrawDepthwiseCase<DepthwiseU8S8Kernel>(random, channels, pixels);
  // Some have the sums that are farthest from 0, where nothing may saturate.
  const bool extreme = Uniform(random, 0, 7) == 0;
  for (auto* values : {&test.map, &test.padding}) {
    for (uint8_t& value : *values) value = extreme ? 255 : static_cast<uint8_t>(random());
  }
  const int8_t same = Uniform(random, 0, 1) == 0 ? 127 : -128;
  for (int8_t& weight : test.weights) weight = extreme ? same : static_cast<int8_t>(random());
  for (int32_t& init : test.init) init = static_cast<int32_t>(Uniform(random, -100000, 100000));
  return test;
}

TEST(DepthwiseU8S8, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("depthwise_u8s8", DepthwiseU8S8Kernels(), SelectDepthwiseU8S8);
}

TEST(DepthwiseU8S8, EveryKernelEqualsPlainLoops) {
  std::mt19937 random = SeededGenerator();
  ForDepthwiseSizes(random, [&](int64_t channels, int64_t pixels) {
    const Case test = DrawCase(random, channels, pixels);
    SCOPED_TRACE(testing::Message()
                 << channels << " channels, " << pixels << " pixels, window " << test.window.rows
                 << "x" << test.window.columns << (test.window.slides ? ", slides" : ""));
    std::vector<int32_t> expected;
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (int64_t channel = 0; channel < channels; ++channel) {
        int32_t sum = test.init[channel];
        for (int64_t tap = 0; tap < test.window.taps(); ++tap) {
          sum += test.At(tap, pixel, channel) * test.weights[tap * channels + channel];
        }
        expected.push_back(sum);
      }
    }
    ForEachRunnable(DepthwiseU8S8Kernels(), [&](const DepthwiseU8S8Kernel& kernel) {
      for (Flush flush : kBothEnds) ASSERT_EQ(Compute(kernel, test, 0, flush), expected);
    });
  });
}

TEST(DepthwiseU8S8, ChannelsSplit) {
  std::mt19937 random = SeededGenerator();
  for (int i = 0; i < 20 && !HasFailure(); ++i) {
    const Case test = DrawCase(random, Uniform(random, 129, 200), Uniform(random, 1, 9));
    ForEachRunnable(DepthwiseU8S8Kernels(), [&](const DepthwiseU8S8Kernel& kernel) {
      const std::vector<int32_t> whole = Compute(kernel, test);
      for (int64_t first : {kDepthwiseBlock, 2 * kDepthwiseBlock}) {
        const int64_t width = test.channels - first;
        const std::vector<int32_t> part = Compute(kernel, test, first);
        for (int64_t i = 0; i < test.pixels * width; ++i) {
          ASSERT_EQ(part[i], whole[i / width * test.channels + first + i % width]);
        }
      }
    });
  }
}

}  // namespace
}  // namespace signum::kernels
