#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/depthwise_f32/depthwise_f32.h"
#include "kernels/testing/depthwise.h"

namespace signum::kernels {
namespace {

using Case = DepthwiseCase<DepthwiseF32Kernel>;

std::vector<float> Compute(const DepthwiseF32Kernel& kernel, const Case& test, int64_t first = 0,
                           Flush flush = Flush::kEnd) {
  return RunDepthwise(kernel, test, 0, first, flush);
}

Case DrawCase(std::mt19937& random, int64_t channels, int64_t pixels) {
  Case test = DrawDepthwiseCase<DepthwiseF32Kernel>(random, channels, pixels);
  std::normal_distribution<float> normal;
  for (auto* numbers : {&test.map, &test.padding, &test.weights, &test.init}) {
    for (float& number : *numbers) number = normal(random);
  }
  return test;
}

TEST(DepthwiseF32, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("depthwise_f32", DepthwiseF32Kernels(), SelectDepthwiseF32);
}

// |computed - exact| <= (taps + 1) * epsilon * sum of magnitudes (Higham 2002, section 3.1).
TEST(DepthwiseF32, EveryKernelIsCloseToExact) {
  std::mt19937 random = SeededGenerator();
  ForDepthwiseSizes(random, [&](int64_t channels, int64_t pixels) {
    const Case test = DrawCase(random, channels, pixels);
    const int64_t taps = test.window.taps();
    std::vector<double> expected, bound;
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (int64_t channel = 0; channel < channels; ++channel) {
        double sum = double{test.init[channel]};
        double magnitude = std::fabs(sum);
        for (int64_t tap = 0; tap < taps; ++tap) {
          const double product =
              double{test.At(tap, pixel, channel)} * double{test.weights[tap * channels + channel]};
          sum += product;
          magnitude += std::fabs(product);
        }
        expected.push_back(sum);
        bound.push_back(static_cast<double>(taps + 1) * magnitude *
                        double{std::numeric_limits<float>::epsilon()});
      }
    }
    ForEachRunnable(DepthwiseF32Kernels(), [&](const DepthwiseF32Kernel& kernel) {
      const std::vector<float> sums = Compute(kernel, test);
      ASSERT_EQ(Compute(kernel, test, 0, Flush::kStart), sums);
      for (size_t i = 0; i < sums.size(); ++i) ASSERT_NEAR(sums[i], expected[i], bound[i]) << i;
    });
  });
}

// A pixel alone has the same bits as in its run, a part of the channels as among all.
TEST(DepthwiseF32, SumsDoNotDependOnEachOther) {
  std::mt19937 random = SeededGenerator();
  for (int i = 0; i < 20 && !HasFailure(); ++i) {
    Case test = DrawCase(random, Uniform(random, 129, 200), 19);
    ForEachRunnable(DepthwiseF32Kernels(), [&](const DepthwiseF32Kernel& kernel) {
      const std::vector<float> whole = Compute(kernel, test);
      for (int64_t first : {int64_t{0}, kDepthwiseBlock, 2 * kDepthwiseBlock}) {
        for (int64_t pixels = 1; pixels <= test.pixels; ++pixels) {
          Case part = test;
          part.map.clear();
          part.pixels = pixels;
          for (int64_t row = 0; row < test.window.rows; ++row) {
            const auto line = test.map.begin() + row * test.line_pixels() * test.channels;
            part.map.insert(part.map.end(), line, line + part.line_pixels() * test.channels);
          }
          const std::vector<float> sums = Compute(kernel, part, first);
          const auto width = static_cast<size_t>(test.channels - first);
          for (int64_t pixel = 0; pixel < pixels; ++pixel) {
            ASSERT_EQ(
                std::memcmp(sums.data() + pixel * static_cast<int64_t>(width),
                            whole.data() + pixel * test.channels + first, width * sizeof(float)),
                0);
          }
        }
      }
    });
  }
}

}  // namespace
}  // namespace signum::kernels
