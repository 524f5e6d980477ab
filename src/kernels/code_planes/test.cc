#include <gtest/gtest.h>

#include <vector>

#include "kernels/code_planes/code_planes.h"
#include "kernels/testing/guarded_buffer.h"
#include "kernels/testing/kernel_list.h"

namespace signum::kernels {
namespace {

TEST(CodePlanes, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("code_planes", CodePlanesKernels(), SelectCodePlanes);
}

struct Case {
  int64_t rows, channels, codes_gap, output_gap, plane_gap;
  int bits;
  std::vector<uint8_t> codes;
};

// All that the kernel writes, and the gaps between, which must stay as they were.
std::vector<uint8_t> Compute(const CodePlanesKernel& kernel, const Case& test,
                             Flush flush = Flush::kEnd) {
  const GuardedBuffer<uint8_t> codes{std::span<const uint8_t>(test.codes), flush};
  const int64_t row_bytes = (test.channels + 7) / 8;
  const int64_t stride = row_bytes + test.output_gap;
  const int64_t plane_bytes = (test.rows - 1) * stride + row_bytes;
  const int64_t plane_stride = plane_bytes + test.plane_gap;
  GuardedBuffer<uint8_t> output(static_cast<size_t>((test.bits - 1) * plane_stride + plane_bytes),
                                flush);
  kernel.run({.rows = test.rows,
              .channels = test.channels,
              .bits = test.bits,
              .codes = codes.data(),
              .codes_stride = test.channels + test.codes_gap,
              .output = output.data(),
              .output_stride = stride,
              .plane_stride = plane_stride});
  return {output.data(), output.data() + output.size()};
}

TEST(CodePlanes, ReferenceByHand) {
  const Case test = {.rows = 1,
                     .channels = 9,
                     .codes_gap = 0,
                     .output_gap = 0,
                     .plane_gap = 0,
                     .bits = 2,
                     .codes = {0, 1, 2, 3, 3, 2, 1, 0, 2}};
  EXPECT_EQ(Compute(kCodePlanesReference, test),
            (std::vector<uint8_t>{0b00111100, 1, 0b01011010, 0}));
}

TEST(CodePlanes, EveryKernelEqualsReferenceAtEverySize) {
  std::mt19937 generator = SeededGenerator();
  for (int64_t channels = 1; channels <= 200; ++channels) {
    Case test = {.rows = Uniform(generator, 1, 9),
                 .channels = channels,
                 .codes_gap = Uniform(generator, 0, 2) * 7,
                 .output_gap = Uniform(generator, 0, 2) * 7,
                 .plane_gap = Uniform(generator, 0, 2) * 7,
                 .bits = static_cast<int>(Uniform(generator, 1, 8))};
    const int64_t count = (test.rows - 1) * (channels + test.codes_gap) + channels;
    while (static_cast<int64_t>(test.codes.size()) < count) {
      test.codes.push_back(static_cast<uint8_t>(Uniform(generator, 0, 255)));
    }
    const std::vector<uint8_t> expected = Compute(kCodePlanesReference, test);
    ForEachRunnable(CodePlanesKernels(), [&](const CodePlanesKernel& kernel) {
      for (Flush flush : kBothEnds) {
        ASSERT_EQ(Compute(kernel, test, flush), expected)
            << "channels=" << channels << " bits=" << test.bits;
      }
    });
  }
}

}  // namespace
}  // namespace signum::kernels
