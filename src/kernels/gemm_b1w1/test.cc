#include <gtest/gtest.h>

#include <limits>

#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/testing/integer_gemm.h"

namespace signum::kernels {
namespace {

int64_t RandomBits(std::mt19937& generator) { return Uniform(generator, -128, 127); }

TEST(GemmB1W1, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("gemm_b1w1", GemmB1W1Kernels(), SelectGemmB1W1);
#if defined(__aarch64__)
  EXPECT_EQ(GemmB1W1Kernels().front()->isa, Isa::kDotprod);
#endif
}

TEST(GemmB1W1, ReferenceByHand) {
  // 24 - 2 * 0; 24 - 2 * (1 + 8 + 0); 24 - 2 * 24; 24 - 2 * (7 + 0 + 8)
  IntegerGemmCase test = DenseGemm(2, 2, 3);
  test.a = {0x01, 0xff, 0x00, 0xfe, 0x00, 0xff};
  test.codes = {0x01, -1, 0x00, 0x00, 0x00, 0x00};
  test.init = {24, 24};
  EXPECT_EQ(RunIntegerGemm(kGemmB1W1Reference, test), (std::vector<int32_t>{24, 6, -24, -6}));
}

TEST(GemmB1W1, PlanesByHand) {
  // The codes 0 to 3 times the weights +1, -1, -1 and +1, which are 0b1001: 0 - 1 - 2 + 3; and
  // 3, 3, 3 and 3.
  IntegerGemmCase test = DenseGemm(2, 1, 1);
  RepeatInPlanes(2, 0, test);
  test.a = {0b1100, 0b1111, 0b1010, 0b1111};
  test.codes = {0b1001};
  test.init = {3 * 2};
  EXPECT_EQ(RunIntegerGemm(kGemmB1W1Reference, test), (std::vector<int32_t>{0, 0}));
  test.codes = {0b1000};  // -0 - 1 - 2 + 3; and -3 - 3 - 3 + 3
  test.init = {3 * 1};
  EXPECT_EQ(RunIntegerGemm(kGemmB1W1Reference, test), (std::vector<int32_t>{0, -6}));
}

// Codes in plain code, their bits in planes.
TEST(GemmB1W1, PlanesAreProductsOfCodes) {
  std::mt19937 generator = SeededGenerator();
  for (int64_t planes = 2; planes <= 8; ++planes) {
    const int64_t bytes = Uniform(generator, 1, 50);
    IntegerGemmCase test = DenseGemm(7, 5, bytes);
    RepeatInPlanes(planes, 3, test);
    FillIntegerGemm(generator, RandomBits, test);
    const auto bit = [](int byte, int64_t i) { return byte >> (i % 8) & 1; };
    std::vector<int32_t> expected;
    for (int64_t column = 0; column < test.n; ++column) test.init[column] = 0;
    for (int64_t row = 0; row < test.rows.rows(); ++row) {
      for (int64_t column = 0; column < test.n; ++column) {
        int32_t sum = 0;
        for (int64_t i = 0; i < 8 * bytes; ++i) {
          const int weight = bit(test.codes[column * bytes + i / 8], i);
          int code = 0;
          for (int64_t plane = 0; plane < planes; ++plane) {
            code = 2 * code + bit(test.a[test.offsets[plane] + row * bytes + i / 8], i);
          }
          sum += weight == 1 ? code : -code;
          if (row == 0 && weight == 1) test.init[column] += (1 << planes) - 1;
        }
        expected.push_back(sum);
      }
    }
    ForEachRunnable(GemmB1W1Kernels(), [&](const IntegerGemmKernel& kernel) {
      ASSERT_EQ(RunIntegerGemm(kernel, test), expected) << planes << " planes";
    });
  }
}

TEST(GemmB1W1, EveryKernelEqualsReferenceAtEverySize) {
  CheckIntegerGemmSizes(GemmB1W1Kernels(), RandomBits);
}

TEST(GemmB1W1, EveryKernelEqualsReferenceOnConvolutions) {
  CheckIntegerGemmConvolutions(GemmB1W1Kernels(), RandomBits, 4);
}

TEST(GemmB1W1, ColumnsSplit) { CheckIntegerGemmColumnSplit(GemmB1W1Kernels(), RandomBits); }

TEST(GemmB1W1, ExtremesAndWrapping) {
  for (int64_t k : {1, 3, 4, 123, 124, 125, 128, 248, 252, 4096}) {
    for (int a : {0x00, 0xff}) {
      for (int code : {0, -1}) {
        for (int32_t init : {0, std::numeric_limits<int32_t>::min()}) {
          const int64_t product = (a == 0xff) == (code == -1) ? 0 : -16;
          CheckIntegerGemmConstant(GemmB1W1Kernels(), k, static_cast<uint8_t>(a),
                                   static_cast<int8_t>(code), init, product);
        }
      }
    }
  }
}

}  // namespace
}  // namespace signum::kernels
