#include <gtest/gtest.h>

#include <vector>

#include "kernels/code_signs/code_signs.h"
#include "kernels/testing/guarded_buffer.h"
#include "kernels/testing/kernel_list.h"

namespace signum::kernels {
namespace {

TEST(CodeSigns, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("code_signs", CodeSignsKernels(), SelectCodeSigns);
}

struct Case {
  int64_t rows, channels, codes_gap, output_gap;
  std::vector<uint8_t> least, possible, codes;
};

// All that the kernel writes, and the gaps between, which must stay as they were.
std::vector<uint8_t> Compute(const CodeSignsKernel& kernel, bool bits, const Case& test,
                             Flush flush = Flush::kEnd) {
  const GuardedBuffer<uint8_t> least{std::span<const uint8_t>(test.least), flush};
  const GuardedBuffer<uint8_t> possible{std::span<const uint8_t>(test.possible), flush};
  const GuardedBuffer<uint8_t> codes{std::span<const uint8_t>(test.codes), flush};
  const int64_t row_bytes = bits ? (test.channels + 7) / 8 : test.channels;
  const int64_t stride = row_bytes + test.output_gap;
  GuardedBuffer<uint8_t> output(static_cast<size_t>((test.rows - 1) * stride + row_bytes), flush);
  (bits ? kernel.to_bits : kernel.to_codes)({.rows = test.rows,
                                             .channels = test.channels,
                                             .least = least.data(),
                                             .possible = possible.data(),
                                             .codes = codes.data(),
                                             .codes_stride = test.channels + test.codes_gap,
                                             .output = output.data(),
                                             .output_stride = stride});
  return {output.data(), output.data() + output.size()};
}

TEST(CodeSigns, ReferenceByHand) {
  const Case test = {.rows = 1,
                     .channels = 9,
                     .codes_gap = 0,
                     .output_gap = 0,
                     .least = {0, 1, 128, 255, 255, 0, 7, 7, 7},
                     .possible = {255, 255, 255, 255, 255, 0, 255, 255, 255},
                     .codes = {0, 0, 128, 254, 255, 255, 6, 7, 8}};
  EXPECT_EQ(Compute(kCodeSignsReference, true, test), (std::vector<uint8_t>{0b10010101, 1}));
  EXPECT_EQ(Compute(kCodeSignsReference, false, test),
            (std::vector<uint8_t>{2, 0, 2, 0, 2, 0, 0, 2, 2}));
}

TEST(CodeSigns, EveryKernelEqualsReferenceAtEverySize) {
  std::mt19937 generator = SeededGenerator();
  for (int64_t channels = 1; channels <= 200; ++channels) {
    Case test = {.rows = Uniform(generator, 1, 9),
                 .channels = channels,
                 .codes_gap = Uniform(generator, 0, 2) * 7,
                 .output_gap = Uniform(generator, 0, 2) * 7};
    // Codes and thresholds of a few values only meet often, those of all reach the ends.
    const int64_t highest = channels % 2 == 0 ? 255 : 3;
    const auto fill = [&](int64_t count, std::vector<uint8_t>& values) {
      while (count-- > 0) values.push_back(static_cast<uint8_t>(Uniform(generator, 0, highest)));
    };
    fill(channels, test.least);
    for (int64_t c = 0; c < channels; ++c) {
      test.possible.push_back(Uniform(generator, 0, 9) == 0 ? 0 : 255);
    }
    fill((test.rows - 1) * (channels + test.codes_gap) + channels, test.codes);
    for (bool bits : {false, true}) {
      const std::vector<uint8_t> expected = Compute(kCodeSignsReference, bits, test);
      ForEachRunnable(CodeSignsKernels(), [&](const CodeSignsKernel& kernel) {
        for (Flush flush : kBothEnds)
          ASSERT_EQ(Compute(kernel, bits, test, flush), expected)
              << "channels=" << channels << " bits=" << bits;
      });
    }
  }
}

}  // namespace
}  // namespace signum::kernels
