#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/output_stage/output_stage.h"
#include "kernels/testing/guarded_buffer.h"
#include "kernels/testing/kernel_list.h"

namespace signum::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// One call, with everything that it points to.
template <typename Input>
struct Case {
  OutputStage stage;  // its pointers are set when it runs
  int64_t rows, channels;
  int64_t gap;  // elements between rows, everywhere
  Flush flush;
  std::vector<Input> input;
  std::vector<float> multiplier, bias;
  std::vector<float> slope, shift;     // empty for null
  std::vector<uint8_t> code_residual;  // for ResidualKind::kCodes
  std::vector<float> float_residual;   // for ResidualKind::kFloat
};

// [rows][channels] values with `gap` poisoned elements between the rows.
template <typename T>
GuardedBuffer<T> Spread(const std::vector<T>& values, int64_t rows, int64_t channels, int64_t gap,
                        Flush flush) {
  const int64_t stride = channels + gap;
  std::vector<T> spread(static_cast<size_t>((rows - 1) * stride + channels));
  std::memset(spread.data(), GuardedBuffer<T>::kPoison, spread.size() * sizeof(T));
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(spread.data() + row * stride, values.data() + row * channels,
                static_cast<size_t>(channels) * sizeof(T));
  }
  return GuardedBuffer<T>(std::span<const T>(spread), flush);
}

void RunKernel(const OutputStageKernel& kernel, const OutputStage& stage,
               const OutputStageRows& rows, const int32_t* input, int64_t stride) {
  kernel.run_int32(stage, rows, input, stride);
}
void RunKernel(const OutputStageKernel& kernel, const OutputStage& stage,
               const OutputStageRows& rows, const float* input, int64_t stride) {
  kernel.run_float(stage, rows, input, stride);
}

// The output of `kernel`, T being float or uint8_t; checks that nothing between
// the rows was written.
template <typename T, typename Input>
std::vector<T> Compute(const OutputStageKernel& kernel, const Case<Input>& test) {
  const Flush flush = test.flush;
  const int64_t stride = test.channels + test.gap;
  const auto input = Spread(test.input, test.rows, test.channels, test.gap, flush);
  const GuardedBuffer<float> multiplier{std::span<const float>(test.multiplier), flush};
  const GuardedBuffer<float> bias{std::span<const float>(test.bias), flush};
  const GuardedBuffer<float> shift{std::span<const float>(test.shift), flush};
  const GuardedBuffer<float> slope{std::span<const float>(test.slope), flush};
  OutputStage stage = test.stage;
  stage.multiplier = multiplier.data();
  stage.bias = bias.data();
  stage.slope = test.slope.empty() ? nullptr : slope.data();
  stage.shift = test.shift.empty() ? nullptr : shift.data();
  const bool bits = stage.output == OutputKind::kBits;
  const int64_t width = bits ? (test.channels + 7) / 8 : test.channels;
  GuardedBuffer<T> output(static_cast<size_t>((test.rows - 1) * stride + width), flush);
  OutputStageRows rows = {.rows = test.rows,
                          .channels = test.channels,
                          .residual = nullptr,
                          .residual_stride = stride,
                          .output = output.data(),
                          .output_stride = stride};
  if (stage.residual == ResidualKind::kCodes) {
    const auto residual = Spread(test.code_residual, test.rows, test.channels, test.gap, flush);
    rows.residual = residual.data();
    RunKernel(kernel, stage, rows, input.data(), stride);
  } else if (stage.residual == ResidualKind::kFloat) {
    const auto residual = Spread(test.float_residual, test.rows, test.channels, test.gap, flush);
    rows.residual = residual.data();
    RunKernel(kernel, stage, rows, input.data(), stride);
  } else {
    RunKernel(kernel, stage, rows, input.data(), stride);
  }
  std::vector<T> result;
  for (int64_t i = 0; i < static_cast<int64_t>(output.size()); ++i) {
    if (i % stride < width) {
      result.push_back(output[i]);
    } else {
      EXPECT_TRUE(output.IsPoison(i)) << "wrote behind row " << i / stride;
    }
  }
  return result;
}

// Equal to the bit, except that one NaN is as good as another.
bool Same(uint8_t x, uint8_t y) { return x == y; }
bool Same(float x, float y) {
  return std::memcmp(&x, &y, sizeof x) == 0 || (std::isnan(x) && std::isnan(y));
}

template <typename T, typename Input>
void CheckOutput(const Case<Input>& test) {
  const std::vector<T> expected = Compute<T>(*OutputStageKernels().back(), test);
  ForEachRunnable(OutputStageKernels(), [&](const OutputStageKernel& kernel) {
    const std::vector<T> result = Compute<T>(kernel, test);
    ASSERT_EQ(result.size(), expected.size());
    for (size_t i = 0; i < result.size(); ++i) {
      ASSERT_TRUE(Same(result[i], expected[i])) << "at " << i << ": " << +result[i] << ", expected "
                                                << +expected[i] << "; channels " << test.channels;
    }
  });
}

template <typename Input>
void Check(const Case<Input>& test) {
  if (test.stage.output == OutputKind::kFloat) {
    CheckOutput<float>(test);
  } else {
    CheckOutput<uint8_t>(test);
  }
}

// Mostly ordinary values with many exact ties; sometimes the ends of the range.
float RandomFloat(std::mt19937& generator) {
  static constexpr float kSpecial[] = {0.0f,       -0.0f,  0.5f,       -0.5f,        1.5f,
                                       2.5f,       254.5f, 255.5f,     3e9f,         -3e9f,
                                       1e30f,      -1e30f, 3.4e38f,    -3.4e38f,     kInfinity,
                                       -kInfinity, 1e-40f, 8388607.5f, 2147483648.0f};
  switch (Uniform(generator, 0, 3)) {
    case 0: return kSpecial[Uniform(generator, 0, std::size(kSpecial) - 1)];
    case 1: return static_cast<float>(Uniform(generator, -600, 600)) * 0.5f;
    default: return std::normal_distribution<float>(0.0f, 100.0f)(generator);
  }
}

float RandomInput(std::mt19937& generator, float) { return RandomFloat(generator); }
int32_t RandomInput(std::mt19937& generator, int32_t) {
  switch (Uniform(generator, 0, 7)) {
    case 0: return std::numeric_limits<int32_t>::min();
    case 1: return std::numeric_limits<int32_t>::max();
    case 2: return static_cast<int32_t>(Uniform(generator, -2147483647, 2147483647));
    default: return static_cast<int32_t>(Uniform(generator, -1000, 1000));
  }
}

template <typename Input>
Case<Input> RandomCase(std::mt19937& generator, int64_t rows, int64_t channels) {
  Case<Input> test = {};
  test.rows = rows;
  test.channels = channels;
  test.gap = Uniform(generator, 0, 2) * 5;
  test.flush = kBothEnds[Uniform(generator, 0, 1)];
  const size_t count = static_cast<size_t>(rows * channels);
  for (size_t i = 0; i < count; ++i) {
    test.input.push_back(RandomInput(generator, Input{}));
    test.code_residual.push_back(static_cast<uint8_t>(Uniform(generator, 0, 255)));
    test.float_residual.push_back(RandomFloat(generator));
  }
  const bool shifted = Uniform(generator, 0, 1) == 1;
  const bool sloped = Uniform(generator, 0, 2) == 0;
  for (int64_t c = 0; c < channels; ++c) {
    static constexpr float kMultipliers[] = {1.0f,  0.5f,  -0.5f,  0.25f, 0.0f,
                                             -0.0f, 1e30f, 1e-30f, 1e-40f};
    test.multiplier.push_back(Uniform(generator, 0, 1) == 0
                                  ? kMultipliers[Uniform(generator, 0, 8)]
                                  : std::normal_distribution<float>(0.0f, 0.3f)(generator));
    test.bias.push_back(RandomFloat(generator));
    if (Uniform(generator, 0, 3) == 0) {  // a sum of exactly 0, where signs turn
      const int64_t row = Uniform(generator, 0, rows - 1);
      test.bias.back() =
          -(static_cast<float>(test.input[row * channels + c]) * test.multiplier.back());
    }
    if (shifted) test.shift.push_back(RandomFloat(generator));
    if (sloped) test.slope.push_back(std::normal_distribution<float>(0.25f, 0.5f)(generator));
  }
  OutputStage& stage = test.stage;
  stage.residual_scale = std::uniform_real_distribution<float>(0.01f, 3.0f)(generator);
  stage.residual_zero_point = static_cast<int32_t>(Uniform(generator, 0, 255));
  // Also bounds that leave nothing, or no code, and none.
  static constexpr float kLows[] = {-kInfinity, 0.0f, -0.0f, -3.0f, 2.5f, 300.0f, kNan};
  static constexpr float kHighs[] = {kInfinity, 6.0f, 0.0f, 1e20f, -2.5f, 0.75f, kNan};
  stage.low = kLows[Uniform(generator, 0, std::size(kLows) - 1)];
  stage.high = kHighs[Uniform(generator, 0, std::size(kHighs) - 1)];
  stage.bits = static_cast<int>(Uniform(generator, 1, 8));
  stage.zero_point = static_cast<int32_t>(Uniform(generator, 0, (1 << stage.bits) - 1));
  return test;
}

template <typename Input>
void CheckAllKinds(std::mt19937& generator, int64_t rows, int64_t channels) {
  Case<Input> test = RandomCase<Input>(generator, rows, channels);
  for (ResidualKind residual : {ResidualKind::kNone, ResidualKind::kCodes, ResidualKind::kFloat}) {
    for (OutputKind output :
         {OutputKind::kFloat, OutputKind::kCodes, OutputKind::kSign, OutputKind::kBits}) {
      test.stage.residual = residual;
      test.stage.output = output;
      Check(test);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(OutputStage, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("output_stage", OutputStageKernels(), SelectOutputStage);
}

TEST(OutputStage, EveryKernelEqualsReferenceToTheBit) {
  std::mt19937 generator = SeededGenerator();
  for (int64_t channels = 1; channels <= 200 && !HasFailure(); ++channels) {
    CheckAllKinds<int32_t>(generator, Uniform(generator, 1, 9), channels);
    CheckAllKinds<float>(generator, Uniform(generator, 1, 9), channels);
  }
  for (int64_t rows = 1; rows <= 64 && !HasFailure(); ++rows) {
    CheckAllKinds<int32_t>(generator, rows, Uniform(generator, 1, 40));
    CheckAllKinds<float>(generator, rows, Uniform(generator, 1, 40));
  }
}

// One row through every kernel, with multiplier 1 and bias 0.
template <typename T, typename Input>
void ExpectRow(const OutputStage& stage, const std::vector<Input>& input,
               const std::vector<T>& expected) {
  Case<Input> test = {};
  test.stage = stage;
  test.rows = 1;
  test.channels = static_cast<int64_t>(input.size());
  test.input = input;
  test.multiplier.assign(input.size(), 1.0f);
  test.bias.assign(input.size(), 0.0f);
  ForEachRunnable(OutputStageKernels(), [&](const OutputStageKernel& kernel) {
    EXPECT_EQ(Compute<T>(kernel, test), expected);
  });
  if (stage.output == OutputKind::kBits) return;
  // The same again and again, for kernels that take many channels at a time.
  std::vector<Input> inputs;
  std::vector<T> outputs;
  while (inputs.size() < 200) {
    inputs.insert(inputs.end(), input.begin(), input.end());
    outputs.insert(outputs.end(), expected.begin(), expected.end());
  }
  test.channels = static_cast<int64_t>(inputs.size());
  test.input = inputs;
  test.multiplier.assign(inputs.size(), 1.0f);
  test.bias.assign(inputs.size(), 0.0f);
  ForEachRunnable(OutputStageKernels(), [&](const OutputStageKernel& kernel) {
    EXPECT_EQ(Compute<T>(kernel, test), outputs);
  });
}

TEST(OutputStage, TiesGoToEvenAndExtremesClamp) {
  OutputStage stage;
  stage.output = OutputKind::kCodes;
  stage.bits = 4;
  ExpectRow<uint8_t, float>(
      stage, {0.5f, 1.5f, 2.5f, -0.5f, -1.0f, 15.5f, 3e9f, -3e9f, kInfinity, -kInfinity, kNan},
      {0, 2, 2, 0, 0, 15, 15, 0, 15, 0, 0});
  stage.zero_point = 3;  // added after the rounding: 2.5 is 2 + 3, not round(5.5)
  ExpectRow<uint8_t, float>(stage, {0.5f, 2.5f, -2.5f, -3.5f, -1e30f, 12.4f, kNan},
                            {3, 5, 1, 0, 0, 15, 0});
  ExpectRow<uint8_t, int32_t>(
      stage,
      {0, -3, -4, 12, 13, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()},
      {3, 0, 0, 15, 15, 0, 15});
}

TEST(OutputStage, SignOfZeroIsPlus) {
  OutputStage stage;
  stage.output = OutputKind::kSign;
  ExpectRow<uint8_t, float>(stage, {0.0f, -0.0f, 1e-40f, -1e-40f, kInfinity, -kInfinity, kNan},
                            {2, 2, 2, 0, 2, 0, 0});
  ExpectRow<uint8_t, int32_t>(stage, {0, 1, -1}, {2, 2, 0});
  stage.output = OutputKind::kBits;
  ExpectRow<uint8_t, float>(
      stage, {0.0f, -0.0f, 1e-40f, -1e-40f, kInfinity, -kInfinity, kNan, -1.0f, 1.0f},
      {0x17, 0x01});
}

TEST(OutputStage, ClampKeepsNanAndLimits) {
  OutputStage stage;
  stage.low = 0.0f;
  stage.high = 6.0f;
  Case<float> test = {};
  test.stage = stage;
  test.rows = 1;
  test.channels = 5;
  test.input = {-1.0f, 3.0f, 7.0f, kInfinity, kNan};
  test.multiplier.assign(5, 1.0f);
  test.bias.assign(5, 0.0f);
  ForEachRunnable(OutputStageKernels(), [&](const OutputStageKernel& kernel) {
    const std::vector<float> result = Compute<float>(kernel, test);
    EXPECT_EQ(std::vector<float>(result.begin(), result.begin() + 4),
              (std::vector<float>{0.0f, 3.0f, 6.0f, 6.0f}));
    EXPECT_TRUE(std::isnan(result[4]));
  });
}

TEST(OutputStage, SlopeIsOfWhatIsNotPositive) {
  Case<float> test = {};
  test.rows = 1;
  test.channels = 5;
  test.input = {-2.0f, 3.0f, -4.0f, -kInfinity, kNan};
  test.multiplier.assign(5, 1.0f);
  test.bias.assign(5, 0.0f);
  test.slope = {0.25f, 0.25f, -0.5f, 0.25f, 0.25f};
  test.stage.high = 2.5f;  // comes after it
  ForEachRunnable(OutputStageKernels(), [&](const OutputStageKernel& kernel) {
    const std::vector<float> result = Compute<float>(kernel, test);
    EXPECT_EQ(std::vector<float>(result.begin(), result.begin() + 4),
              (std::vector<float>{-0.5f, 2.5f, 2.0f, -kInfinity}));
    EXPECT_TRUE(std::isnan(result[4]));
  });
}

TEST(OutputStage, EveryKernelByHandWithResidualAndShift) {
  // 10 * 0.5 + 1 = 6, and (7 - 5) * 0.25 = 0.5: 6.5; -4 * 0.5 + 1 = -1, and
  // (1 - 5) * 0.25 = -1: -2.
  Case<int32_t> test = {};
  test.rows = 1;
  test.channels = 2;
  test.input = {10, -4};
  test.multiplier = {0.5f, 0.5f};
  test.bias = {1.0f, 1.0f};
  test.shift = {6.5f, -1.9f};
  test.code_residual = {7, 1};
  test.stage.residual = ResidualKind::kCodes;
  test.stage.residual_scale = 0.25f;
  test.stage.residual_zero_point = 5;
  ForEachRunnable(OutputStageKernels(), [&](const OutputStageKernel& kernel) {
    test.stage.output = OutputKind::kFloat;
    EXPECT_EQ(Compute<float>(kernel, test), (std::vector<float>{6.5f, -2.0f}));
    test.stage.output = OutputKind::kSign;
    EXPECT_EQ(Compute<uint8_t>(kernel, test), (std::vector<uint8_t>{2, 0}));
    test.stage.output = OutputKind::kCodes;
    test.stage.zero_point = 1;
    EXPECT_EQ(Compute<uint8_t>(kernel, test), (std::vector<uint8_t>{7, 0}));
  });
}

// (1 + 2^-23)^2 is rounded before the bias is added; a fused
// multiply-add would see the bit that is lost.
TEST(OutputStage, MultiplyAndAddRoundTwice) {
  Case<float> test = {};
  test.rows = 1;
  test.channels = 1;
  test.input = {1.0f + 0x1p-23f};
  test.multiplier = {1.0f + 0x1p-23f};
  test.bias = {-1.0f - 0x1p-22f};
  ForEachRunnable(OutputStageKernels(), [&](const OutputStageKernel& kernel) {
    EXPECT_EQ(Compute<float>(kernel, test), (std::vector<float>{0.0f}));  // fused: 2^-46
  });
}

void CheckWritesOver(std::mt19937& generator, int64_t channels) {
  Case<float> test = RandomCase<float>(generator, 4, channels);
  test.stage.residual = ResidualKind::kFloat;
  test.gap = 0;
  ForEachRunnable(OutputStageKernels(), [&](const OutputStageKernel& kernel) {
    const std::vector<float> expected = Compute<float>(kernel, test);
    OutputStage stage = test.stage;
    stage.multiplier = test.multiplier.data();
    stage.bias = test.bias.data();
    stage.slope = test.slope.empty() ? nullptr : test.slope.data();
    std::vector<float> values = test.input;
    std::vector<float> residual = test.float_residual;
    OutputStageRows rows = {.rows = 4,
                            .channels = channels,
                            .residual = residual.data(),
                            .residual_stride = channels,
                            .output = values.data(),
                            .output_stride = channels};
    kernel.run_float(stage, rows, values.data(), channels);
    rows.output = residual.data();
    kernel.run_float(stage, rows, test.input.data(), channels);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(Same(values[i], expected[i])) << i;
      EXPECT_TRUE(Same(residual[i], expected[i])) << i;
    }
  });
}

TEST(OutputStage, MayWriteOverItsInputAndItsResidual) {
  std::mt19937 generator = SeededGenerator();
  CheckWritesOver(generator, 27);
  CheckWritesOver(generator, 155);
}

}  // namespace
}  // namespace signum::kernels
