#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/gemm_f32/gemm_f32.h"
#include "kernels/testing/guarded_buffer.h"
#include "kernels/testing/kernel_list.h"

namespace signum::kernels {
namespace {

struct Case {
  int64_t m, n, k;
  int64_t row_gap;             // floats between the rows of A and of C
  std::vector<float> a;        // [m][k]
  std::vector<float> weights;  // [n][k]
};

Case RandomCase(std::mt19937& generator, int64_t m, int64_t n, int64_t k) {
  Case test = {
      .m = m, .n = n, .k = k, .row_gap = Uniform(generator, 0, 2) * 3, .a = {}, .weights = {}};
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < m * k; ++i) test.a.push_back(normal(generator));
  for (int64_t i = 0; i < n * k; ++i) test.weights.push_back(normal(generator));
  return test;
}

// What `kernel` computes for rows [0, m) and columns [first, n), first a
// multiple of kColumnMultiple; checks that it writes nothing else.
std::vector<float> Compute(const GemmF32Kernel& kernel, const Case& test, int64_t m,
                           int64_t first = 0, Flush flush = Flush::kEnd) {
  const int64_t lda = test.k + test.row_gap;
  GuardedBuffer<float> a(static_cast<size_t>((m - 1) * lda + test.k), flush);
  for (int64_t row = 0; row < m; ++row) {
    std::memcpy(a.data() + row * lda, test.a.data() + row * test.k,
                static_cast<size_t>(test.k) * sizeof(float));
  }
  const GuardedBuffer<float> weights{std::span<const float>(test.weights), flush};
  GuardedBuffer<float> packed(kernel.packed_bytes(test.n, test.k) / sizeof(float), flush);
  kernel.pack(weights.data(), test.n, test.k, packed.data());
  const int64_t n = test.n - first;
  const int64_t ldc = n + test.row_gap;
  GuardedBuffer<float> c(static_cast<size_t>((m - 1) * ldc + n), flush);
  kernel.run(m, n, test.k, a.data(), lda,
             packed.data() + kernel.packed_bytes(first, test.k) / sizeof(float), c.data(), ldc);
  std::vector<float> result;
  for (int64_t i = 0; i < static_cast<int64_t>(c.size()); ++i) {
    if (i % ldc < n) {
      result.push_back(c[i]);
    } else {
      EXPECT_TRUE(c.IsPoison(i)) << "wrote behind row " << i / ldc;
    }
  }
  return result;
}

// |computed - exact| <= k * epsilon * sum of |a * w| (Higham 2002, section 3.1).
void CheckAgainstDouble(const Case& test) {
  SCOPED_TRACE(testing::Message() << "m=" << test.m << " n=" << test.n << " k=" << test.k);
  ForEachRunnable(GemmF32Kernels(), [&](const GemmF32Kernel& kernel) {
    const std::vector<float> result = Compute(kernel, test, test.m);
    ASSERT_EQ(Compute(kernel, test, test.m, 0, Flush::kStart), result);
    for (int64_t row = 0; row < test.m; ++row) {
      for (int64_t column = 0; column < test.n; ++column) {
        double sum = 0.0;
        double magnitude = 0.0;
        for (int64_t i = 0; i < test.k; ++i) {
          const double product = static_cast<double>(test.a[row * test.k + i]) *
                                 static_cast<double>(test.weights[column * test.k + i]);
          sum += product;
          magnitude += std::fabs(product);
        }
        const double bound = static_cast<double>(test.k) * magnitude *
                             static_cast<double>(std::numeric_limits<float>::epsilon());
        ASSERT_NEAR(result[row * test.n + column], sum, bound) << row << ", " << column;
      }
    }
  });
}

TEST(GemmF32, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("gemm_f32", GemmF32Kernels(), SelectGemmF32);
}

TEST(GemmF32, EveryKernelByHand) {
  // 0.5*2 - 1*4 = -3; 0.5*8 + 0 = 4; 3*2 + 2*4 = 14; 3*8 = 24. Exact in float.
  const Case test = {
      .m = 2, .n = 2, .k = 2, .row_gap = 0, .a = {0.5f, -1, 3, 2}, .weights = {2, 4, 8, 0}};
  ForEachRunnable(GemmF32Kernels(), [&](const GemmF32Kernel& kernel) {
    EXPECT_EQ(Compute(kernel, test, 2), (std::vector<float>{-3, 4, 14, 24}));
  });
}

TEST(GemmF32, EveryKernelIsCloseToExactAtEverySize) {
  std::mt19937 generator = SeededGenerator();
  const auto check = [&](int64_t m, int64_t n, int64_t k) {
    if (testing::Test::HasFailure()) return;
    CheckAgainstDouble(RandomCase(generator, m, n, k));
  };
  for (int64_t k = 1; k <= 200; ++k) {
    check(Uniform(generator, 1, 20), Uniform(generator, 1, 70), k);
  }
  for (int64_t n = 1; n <= 200; ++n) {
    check(Uniform(generator, 1, 20), n, Uniform(generator, 1, 60));
    check(1, n, Uniform(generator, 1, 60));
  }
  for (int64_t m = 1; m <= 64; ++m) {
    for (int64_t n : {1, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 130}) {
      if (m <= 20 || n % 16 == 1) check(m, n, Uniform(generator, 1, 60));
    }
  }
  check(7, 33, 4608);
}

TEST(GemmF32, RowDoesNotDependOnTheOthers) {
  std::mt19937 generator = SeededGenerator();
  const Case test = RandomCase(generator, 20, 150, 301);
  ForEachRunnable(GemmF32Kernels(), [&](const GemmF32Kernel& kernel) {
    const std::vector<float> whole = Compute(kernel, test, test.m);
    for (int64_t m = 1; m < test.m; ++m) {
      const std::vector<float> part = Compute(kernel, test, m);
      ASSERT_EQ(std::memcmp(part.data(), whole.data(), part.size() * sizeof(float)), 0) << m;
    }
  });
}

TEST(GemmF32, ColumnsSplit) {
  std::mt19937 generator = SeededGenerator();
  const Case test = RandomCase(generator, 5, 75, 150);
  ForEachRunnable(GemmF32Kernels(), [&](const GemmF32Kernel& kernel) {
    const std::vector<float> whole = Compute(kernel, test, test.m);
    for (int64_t first = 0; first < test.n; first += kColumnMultiple) {
      const std::vector<float> part = Compute(kernel, test, test.m, first);
      for (int64_t row = 0; row < test.m; ++row) {
        for (int64_t column = first; column < test.n; ++column) {
          ASSERT_EQ(part[row * (test.n - first) + column - first], whole[row * test.n + column]);
        }
      }
    }
  });
}

}  // namespace
}  // namespace signum::kernels
