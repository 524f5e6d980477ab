// One product of the integer matrix kernels, checked: every kernel against the
// reference, in guarded buffers. gemm_u8w1 and gemm_u8s8 differ in weights only.
#ifndef SIGNUM_KERNELS_TESTING_INTEGER_GEMM_H_
#define SIGNUM_KERNELS_TESTING_INTEGER_GEMM_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "kernels/kernel.h"
#include "kernels/testing/guarded_buffer.h"
#include "kernels/testing/kernel_list.h"

namespace signum::kernels {

struct IntegerGemmCase {
  int64_t m, n, k;
  int64_t row_gap;            // bytes between the rows of A, ints between those of C
  std::vector<uint8_t> a;     // [m][k]
  std::vector<int8_t> codes;  // [n][k]
  std::vector<int32_t> init;  // [n]
};

// What `kernel` computes for columns [first, n), first a multiple of
// kColumnMultiple; checks that it writes nothing else. Packed is the kernel's
// element type.
template <typename Packed, typename Kernel>
std::vector<int32_t> RunIntegerGemm(const Kernel& kernel, const IntegerGemmCase& test,
                                    int64_t first = 0) {
  const int64_t k_padded = PaddedDepth(test.k);
  const int64_t lda = k_padded + test.row_gap;
  GuardedBuffer<uint8_t> a(static_cast<size_t>((test.m - 1) * lda + k_padded));
  for (int64_t row = 0; row < test.m; ++row) {
    for (int64_t i = 0; i < k_padded; ++i) {
      a[row * lda + i] = i < test.k ? test.a[static_cast<size_t>(row * test.k + i)] : 0;
    }
  }
  const GuardedBuffer<int8_t> codes{std::span<const int8_t>(test.codes)};
  GuardedBuffer<Packed> packed(kernel.packed_bytes(test.n, test.k));
  kernel.pack(codes.data(), test.n, test.k, packed.data());
  const GuardedBuffer<int32_t> init{std::span<const int32_t>(test.init)};
  const int64_t n = test.n - first;
  const int64_t ldc = n + test.row_gap;
  GuardedBuffer<int32_t> c(static_cast<size_t>((test.m - 1) * ldc + n));
  kernel.run(test.m, n, k_padded, a.data(), lda, packed.data() + kernel.packed_bytes(first, test.k),
             init.data() + first, c.data(), ldc);
  std::vector<int32_t> result;
  for (int64_t i = 0; i < static_cast<int64_t>(c.size()); ++i) {
    if (i % ldc < n) {
      result.push_back(c[i]);
    } else {
      EXPECT_TRUE(c.IsPoison(i)) << "wrote behind row " << i / ldc;
    }
  }
  return result;
}

template <typename Packed, typename Kernel>
void CheckIntegerGemm(std::span<const Kernel* const> kernels, const IntegerGemmCase& test) {
  SCOPED_TRACE(testing::Message() << "m=" << test.m << " n=" << test.n << " k=" << test.k);
  const std::vector<int32_t> expected = RunIntegerGemm<Packed>(*kernels.back(), test);
  ForEachRunnable(kernels, [&](const Kernel& kernel) {
    ASSERT_EQ(RunIntegerGemm<Packed>(kernel, test), expected);
  });
}

// A case whose activations are uniform codes and whose weights come from
// code(generator).
template <typename Code>
IntegerGemmCase RandomIntegerGemm(std::mt19937& generator, int64_t m, int64_t n, int64_t k,
                                  const Code& code) {
  IntegerGemmCase test = {.m = m,
                          .n = n,
                          .k = k,
                          .row_gap = Uniform(generator, 0, 2) * 7,
                          .a = {},
                          .codes = {},
                          .init = {}};
  const int64_t highest = (1 << Uniform(generator, 1, 8)) - 1;
  for (int64_t i = 0; i < m * k; ++i) {
    test.a.push_back(static_cast<uint8_t>(Uniform(generator, 0, highest)));
  }
  for (int64_t i = 0; i < n * k; ++i) test.codes.push_back(static_cast<int8_t>(code(generator)));
  for (int64_t i = 0; i < n; ++i) {
    test.init.push_back(static_cast<int32_t>(Uniform(generator, -100000, 100000)));
  }
  return test;
}

// Every depth to 200, every n to 70 and some to 200, every m to 20, and depths
// around the kernels' blocks; the other two sizes at random.
template <typename Packed, typename Kernel, typename Code>
void CheckIntegerGemmSizes(std::span<const Kernel* const> kernels, const Code& code) {
  std::mt19937 generator = SeededGenerator();
  const auto check = [&](int64_t m, int64_t n, int64_t k) {
    if (testing::Test::HasFailure()) return;
    CheckIntegerGemm<Packed>(kernels, RandomIntegerGemm(generator, m, n, k, code));
  };
  for (int64_t k = 1; k <= 200; ++k) {
    check(Uniform(generator, 1, 20), Uniform(generator, 1, 70), k);
  }
  for (int64_t n = 1; n <= 200; n += n < 70 ? 1 : 13) {
    check(Uniform(generator, 1, 20), n, Uniform(generator, 1, 200));
    check(1, n, Uniform(generator, 1, 200));
  }
  for (int64_t m = 1; m <= 20; ++m) {
    for (int64_t n : {1, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 130}) {
      check(m, n, Uniform(generator, 1, 200));
    }
  }
  for (int64_t k : {255, 256, 257, 511, 512, 513, 576, 1984, 2047, 2048, 2049, 2112, 4096, 4608}) {
    check(Uniform(generator, 1, 9), Uniform(generator, 1, 40), k);
  }
}

// Columns computed from a multiple of kColumnMultiple on equal the same columns
// of the whole.
template <typename Packed, typename Kernel, typename Code>
void CheckIntegerGemmColumnSplit(std::span<const Kernel* const> kernels, const Code& code) {
  std::mt19937 generator = SeededGenerator();
  const IntegerGemmCase test = RandomIntegerGemm(generator, 5, 75, 150, code);
  ForEachRunnable(kernels, [&](const Kernel& kernel) {
    const std::vector<int32_t> whole = RunIntegerGemm<Packed>(kernel, test);
    for (int64_t first = 0; first < test.n; first += kColumnMultiple) {
      const std::vector<int32_t> part = RunIntegerGemm<Packed>(kernel, test, first);
      for (int64_t row = 0; row < test.m; ++row) {
        for (int64_t column = first; column < test.n; ++column) {
          ASSERT_EQ(part[static_cast<size_t>(row * (test.n - first) + column - first)],
                    whole[static_cast<size_t>(row * test.n + column)]);
        }
      }
    }
  });
}

// m = 9, n = 33 of one activation and one weight throughout: the sums that are
// largest in magnitude at every width that a kernel adds in.
template <typename Packed, typename Kernel>
void CheckIntegerGemmConstant(std::span<const Kernel* const> kernels, int64_t k, uint8_t a,
                              int8_t code, int32_t init) {
  const int64_t m = 9;
  const int64_t n = 33;
  const IntegerGemmCase test = {.m = m,
                                .n = n,
                                .k = k,
                                .row_gap = 0,
                                .a = std::vector<uint8_t>(static_cast<size_t>(m * k), a),
                                .codes = std::vector<int8_t>(static_cast<size_t>(n * k), code),
                                .init = std::vector<int32_t>(static_cast<size_t>(n), init)};
  const uint32_t sum = static_cast<uint32_t>(k) * static_cast<uint32_t>(a * code);
  const int32_t expected = static_cast<int32_t>(static_cast<uint32_t>(init) + sum);
  ForEachRunnable(kernels, [&](const Kernel& kernel) {
    for (int32_t value : RunIntegerGemm<Packed>(kernel, test)) {
      ASSERT_EQ(value, expected) << "k=" << k << " a=" << int{a} << " code=" << int{code};
    }
  });
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TESTING_INTEGER_GEMM_H_
