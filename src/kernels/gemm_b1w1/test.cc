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

TEST(GemmB1W1, EveryKernelEqualsReferenceAtEverySize) {
  CheckIntegerGemmSizes(GemmB1W1Kernels(), RandomBits);
}

TEST(GemmB1W1, EveryKernelEqualsReferenceOnConvolutions) {
  CheckIntegerGemmConvolutions(GemmB1W1Kernels(), RandomBits);
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
