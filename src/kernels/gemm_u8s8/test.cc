#include <gtest/gtest.h>

#include <limits>

#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/testing/integer_gemm.h"

namespace signum::kernels {
namespace {

int64_t RandomCode(std::mt19937& generator) { return Uniform(generator, -128, 127); }

TEST(GemmU8S8, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("gemm_u8s8", GemmU8S8Kernels(), SelectGemmU8S8);
  EXPECT_EQ(GemmU8S8Kernels().front()->isa, IsasOfThisArchitecture().back());
}

TEST(GemmU8S8, ReferenceByHand) {
  // 10 + 1*2 - 2*3 + 3*4 = 18; -20 - 128 + 0 + 3*127 = 233;
  // 10 + 255*2 + 0 + 0 = 520; -20 - 255*128 = -32660.
  IntegerGemmCase test = DenseGemm(2, 2, 3);
  test.a = {1, 2, 3, 255, 0, 0};
  test.codes = {2, -3, 4, -128, 0, 127};
  test.init = {10, -20};
  EXPECT_EQ(RunIntegerGemm(kGemmU8S8Reference, test), (std::vector<int32_t>{18, 233, 520, -32660}));
}

TEST(GemmU8S8, EveryKernelEqualsReferenceAtEverySize) {
  CheckIntegerGemmSizes(GemmU8S8Kernels(), RandomCode);
}

TEST(GemmU8S8, EveryKernelEqualsReferenceOnConvolutions) {
  CheckIntegerGemmConvolutions(GemmU8S8Kernels(), RandomCode);
}

TEST(GemmU8S8, EveryKernelEqualsReferenceOnShortLines) {
  CheckIntegerGemmShortLines(GemmU8S8Kernels(), RandomCode);
}

TEST(GemmU8S8, ColumnsSplit) { CheckIntegerGemmColumnSplit(GemmU8S8Kernels(), RandomCode); }

TEST(GemmU8S8, ExtremesDoNotSaturate) {
  for (int64_t k : {1, 2, 4, 64, 320, 4096}) {
    for (int a : {0, 1, 128, 255}) {
      for (int code : {-128, -127, -1, 1, 127}) {
        CheckIntegerGemmConstant(GemmU8S8Kernels(), k, static_cast<uint8_t>(a),
                                 static_cast<int8_t>(code), 0, a * code);
      }
    }
  }
}

TEST(GemmU8S8, WrapsModulo32Bits) {
  for (int code : {-128, 127}) {
    for (int32_t init :
         {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()}) {
      CheckIntegerGemmConstant(GemmU8S8Kernels(), 4096, 255, static_cast<int8_t>(code), init,
                               255 * code);
    }
  }
}

}  // namespace
}  // namespace signum::kernels
