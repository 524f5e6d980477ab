#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernels/bilinear/bilinear.h"
#include "kernels/testing/guarded_buffer.h"
#include "kernels/testing/kernel_list.h"

namespace signum::kernels {
namespace {

TEST(Bilinear, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("bilinear", BilinearKernels(), SelectBilinear);
}

template <typename T>
struct Case {
  int64_t channels;
  std::vector<BilinearColumn> columns;
  std::vector<BilinearLine> lines;
  std::vector<T> above, below;
  int64_t gap = 0;  // floats between lines
  int32_t zero_point = 0;
  float scale = 1.0f;
};

// All that the kernel writes, and the gaps between, which must stay as they were.
template <typename T>
std::vector<float> Compute(const BilinearKernel& kernel, const Case<T>& test,
                           Flush flush = Flush::kEnd) {
  const GuardedBuffer<BilinearColumn> columns{std::span<const BilinearColumn>(test.columns), flush};
  const GuardedBuffer<BilinearLine> lines{std::span<const BilinearLine>(test.lines), flush};
  const GuardedBuffer<T> above{std::span<const T>(test.above), flush};
  const GuardedBuffer<T> below{std::span<const T>(test.below), flush};
  const auto column_count = static_cast<int64_t>(test.columns.size());
  const auto line_count = static_cast<int64_t>(test.lines.size());
  const int64_t line_length = column_count * test.channels;
  GuardedBuffer<float> output(
      static_cast<size_t>((line_count - 1) * (line_length + test.gap) + line_length), flush);
  const BilinearProblem problem = {.channels = test.channels,
                                   .columns = columns.data(),
                                   .column_count = column_count,
                                   .lines = lines.data(),
                                   .line_count = line_count,
                                   .zero_point = test.zero_point,
                                   .scale = test.scale,
                                   .output = output.data(),
                                   .output_stride = line_length + test.gap};
  if constexpr (std::is_same_v<T, float>) {
    kernel.run_f32(problem, above.data(), below.data());
  } else {
    kernel.run_u8(problem, above.data(), below.data());
  }
  return {output.data(), output.data() + output.size()};
}

template <typename T>
void Check(const Case<T>& test) {
  const std::vector<float> expected = Compute(kBilinearReference, test);
  ForEachRunnable(BilinearKernels(), [&](const BilinearKernel& kernel) {
    for (Flush flush : kBothEnds) {
      const std::vector<float> got = Compute(kernel, test, flush);
      for (size_t i = 0; i < got.size(); ++i) {
        if (std::isnan(got[i]) && std::isnan(expected[i])) continue;
        ASSERT_EQ(std::memcmp(&got[i], &expected[i], sizeof(float)), 0)
            << "at " << i << ": " << got[i] << ", expected " << expected[i] << "; channels "
            << test.channels;
      }
    }
  });
}

// Any columns of any pixels, some of which share theirs with the one before.
template <typename T>
Case<T> RandomPlaces(std::mt19937& generator, int64_t channels) {
  const auto weight = [&] { return std::uniform_real_distribution<float>(0, 1)(generator); };
  const int64_t pixels = Uniform(generator, 1, 5);
  Case<T> test = {.channels = channels, .gap = Uniform(generator, 0, 2) * 7};
  for (int64_t columns = Uniform(generator, 1, 9); columns > 0; --columns) {
    BilinearColumn column = {Uniform(generator, 0, pixels - 1) * channels,
                             Uniform(generator, 0, pixels - 1) * channels};
    if (!test.columns.empty() && Uniform(generator, 0, 1) == 0) column = test.columns.back();
    column.left_weight = weight();
    column.right_weight = weight();
    test.columns.push_back(column);
  }
  for (int64_t lines = Uniform(generator, 1, 5); lines > 0; --lines) {
    test.lines.push_back({weight(), weight()});
  }
  test.above.resize(static_cast<size_t>(pixels * channels));
  test.below.resize(test.above.size());
  return test;
}

TEST(Bilinear, FloatsEqualReferenceToTheBitAtEverySize) {
  std::mt19937 generator = SeededGenerator();
  constexpr float kSpecial[] = {0.0f, -0.0f, std::numeric_limits<float>::infinity(),
                                std::numeric_limits<float>::quiet_NaN(), -1e-40f};
  for (int64_t channels = 1; channels <= 200 && !HasFailure(); ++channels) {
    auto test = RandomPlaces<float>(generator, channels);
    const int64_t rarity = channels % 2 == 0 ? 4 : 1000;
    for (auto* line : {&test.above, &test.below}) {
      for (float& x : *line) {
        x = Uniform(generator, 0, rarity) == 0 ? kSpecial[Uniform(generator, 0, 4)]
                                               : std::normal_distribution<float>()(generator);
      }
    }
    Check(test);
  }
}

TEST(Bilinear, CodesEqualReferenceToTheBitAtEverySize) {
  std::mt19937 generator = SeededGenerator();
  for (int64_t channels = 1; channels <= 200 && !HasFailure(); ++channels) {
    auto test = RandomPlaces<uint8_t>(generator, channels);
    for (auto* line : {&test.above, &test.below}) {
      for (uint8_t& x : *line) x = static_cast<uint8_t>(generator());
    }
    test.zero_point = static_cast<int32_t>(Uniform(generator, 0, 255));
    test.scale = std::uniform_real_distribution<float>(0.001f, 2.0f)(generator);
    Check(test);
  }
}

TEST(Bilinear, ReferenceByHand) {
  const Case<uint8_t> test = {.channels = 1,
                              .columns = {{0, 1, 0.75f, 0.25f}, {1, 1, 0.5f, 0.5f}},
                              .lines = {{1.0f, 0.0f}, {0.5f, 0.5f}},
                              .above = {0, 8},
                              .below = {4, 12},
                              .zero_point = 4,
                              .scale = 2.0f};
  EXPECT_EQ(Compute(kBilinearReference, test), (std::vector<float>{-4.0f, 8.0f, 0.0f, 12.0f}));
}

// (1 + 2^-23)^2 is rounded before what it is added to; a fused multiply-add would see the
// bit that is lost.
TEST(Bilinear, MultiplyAndAddRoundTwice) {
  constexpr float kOneAndABit = 1.0f + 0x1p-23f;
  constexpr int64_t kChannels = 27;
  Case<float> along = {.channels = kChannels,
                       .columns = {{0, kChannels, kOneAndABit, 1.0f}},
                       .lines = {{1.0f, 0.0f}},
                       .above = std::vector<float>(kChannels, kOneAndABit)};
  along.above.resize(2 * kChannels, -1.0f - 0x1p-22f);
  along.below = along.above;
  Case<float> down = {.channels = kChannels,
                      .columns = {{0, 0, 1.0f, 0.0f}},
                      .lines = {{kOneAndABit, 1.0f}},
                      .above = std::vector<float>(kChannels, kOneAndABit),
                      .below = std::vector<float>(kChannels, -1.0f - 0x1p-22f)};
  ForEachRunnable(BilinearKernels(), [&](const BilinearKernel& kernel) {
    EXPECT_EQ(Compute(kernel, along), std::vector<float>(kChannels, 0.0f));  // fused: 2^-46
    EXPECT_EQ(Compute(kernel, down), std::vector<float>(kChannels, 0.0f));
  });
}

}  // namespace
}  // namespace signum::kernels
