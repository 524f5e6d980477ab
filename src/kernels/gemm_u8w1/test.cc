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

TEST(GemmU8W1, EveryKernelEqualsReferenceOnShortLines) {
  CheckIntegerGemmShortLines(GemmU8W1Kernels(), RandomSign);
}

// Where rows alone take another way.
TEST(GemmU8W1, EveryKernelEqualsReferenceOnARowOfManyColumns) {
  std::mt19937 generator = SeededGenerator();
  for (int i = 0; i < 60 && !HasFailure(); ++i) {
    IntegerGemmCase test = DenseGemm(1, Uniform(generator, 250, 420), Uniform(generator, 1, 200));
    if (i % 3 == 0) {
      test.depth.segments = Uniform(generator, 1, 4);
      test.offsets.clear();
      for (int64_t s = 0; s < test.depth.segments; ++s) {
        test.offsets.push_back(s * (test.depth.bytes + Uniform(generator, 0, 9)));
      }
    }
    if (i % 10 == 1) test.depth.bytes = Uniform(generator, 2000, 4200);
    FillIntegerGemm(generator, RandomSign, test);
    CheckIntegerGemm(GemmU8W1Kernels(), test);
  }
}

TEST(GemmU8W1, ExtremesOfARowOfManyColumns) {
  for (int64_t k : {1, 32, 2048, 2080, 9216}) {
    for (int code : {-1, 1}) {
      IntegerGemmCase test = DenseGemm(1, 300, k);
      test.a.assign(static_cast<size_t>(ReachedBytes(test)), 255);
      test.codes.assign(static_cast<size_t>(test.n * k), static_cast<int8_t>(code));
      test.init.assign(static_cast<size_t>(test.n), 7);
      ForEachRunnable(GemmU8W1Kernels(), [&](const IntegerGemmKernel& kernel) {
        const std::vector<int32_t> expected(static_cast<size_t>(test.n),
                                            static_cast<int32_t>(7 + 255 * code * k));
        ASSERT_EQ(RunIntegerGemm(kernel, test), expected) << k << " of " << code;
      });
    }
  }
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
