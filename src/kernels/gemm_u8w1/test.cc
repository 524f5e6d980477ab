#include <gtest/gtest.h>

#include <limits>

#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/testing/integer_gemm.h"

namespace signum::kernels {
namespace {

int64_t RandomSign(std::mt19937& generator) { return Uniform(generator, 0, 1) == 0 ? -1 : 1; }

TEST(GemmU8W1, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("gemm_u8w1", GemmU8W1Kernels(), SelectGemmU8W1);
  EXPECT_EQ(GemmU8W1Kernels().front()->isa, IsasOfThisArchitecture().back());
}

TEST(GemmU8W1, ReferenceByHand) {
  // 100 + 3 + 5 - 7 = 101; 200 - 3 + 5 + 7 = 209; -1 - 255 + 0 - 1 = -257; ...
  IntegerGemmCase test = DenseGemm(2, 2, 3);
  test.a = {3, 5, 7, 255, 0, 1};
  test.codes = {1, 1, -1, -1, 1, 1};
  test.init = {100, 200};
  EXPECT_EQ(RunIntegerGemm(kGemmU8W1Reference, test), (std::vector<int32_t>{101, 209, 354, -54}));
}

TEST(GemmU8W1, ReferencePacksOneForPlusLowestBitFirst) {
  const int8_t codes[10] = {1, -1, -1, 1, -1, -1, -1, -1, 1, -1};
  const Depth depth = {.segments = 1, .bytes = 10};
  std::vector<uint8_t> packed(kGemmU8W1Reference.packed_bytes(1, depth));
  kGemmU8W1Reference.pack(codes, 1, depth, packed.data());
  EXPECT_EQ(packed, (std::vector<uint8_t>{0x09, 0x01}));
}

TEST(GemmU8W1, WeightsStayBits) {
  ForEachRunnable(GemmU8W1Kernels(), [](const IntegerGemmKernel& kernel) {
    EXPECT_EQ(kernel.packed_bytes(64, {.segments = 3, .bytes = 192}), 64u * 576 / 8);
  });
}

TEST(GemmU8W1, EveryKernelEqualsReferenceAtEverySize) {
  CheckIntegerGemmSizes(GemmU8W1Kernels(), RandomSign);
}

TEST(GemmU8W1, EveryKernelEqualsReferenceOnConvolutions) {
  CheckIntegerGemmConvolutions(GemmU8W1Kernels(), RandomSign);
}

TEST(GemmU8W1, ColumnsSplit) { CheckIntegerGemmColumnSplit(GemmU8W1Kernels(), RandomSign); }

TEST(GemmU8W1, Extremes) {
  for (int64_t k : {64, 256, 320, 2048, 4096, 4160, 20000}) {
    for (int a : {0, 1, 255}) {
      for (int code : {-1, 1}) {
        CheckIntegerGemmConstant(GemmU8W1Kernels(), k, static_cast<uint8_t>(a),
                                 static_cast<int8_t>(code), 0, a * code);
      }
    }
  }
}

TEST(GemmU8W1, WrapsModulo32Bits) {
  for (int code : {-1, 1}) {
    for (int32_t init :
         {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()}) {
      CheckIntegerGemmConstant(GemmU8W1Kernels(), 4096, 255, static_cast<int8_t>(code), init,
                               255 * code);
    }
  }
}

}  // namespace
}  // namespace signum::kernels
