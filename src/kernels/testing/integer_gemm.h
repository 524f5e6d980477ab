// Products of the integer matrix kernels, checked: every kernel against the reference, in
// guarded buffers. The ops differ in their weights only.
#ifndef SIGNUM_KERNELS_TESTING_INTEGER_GEMM_H_
#define SIGNUM_KERNELS_TESTING_INTEGER_GEMM_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "kernels/integer_gemm.h"
#include "kernels/testing/guarded_buffer.h"
#include "kernels/testing/kernel_list.h"
#include "kernels/tile_rows.h"

namespace signum::kernels {

using IntegerGemmKernels = std::span<const IntegerGemmKernel* const>;

struct IntegerGemmCase {
  int64_t n = 1;
  Depth depth;
  TileRows rows;                 // without its pointers, which are set when it runs
  std::vector<int64_t> offsets;  // [planes][segments]
  int64_t row_gap = 0;           // ints between the rows of C
  std::vector<uint8_t> a;        // all that the rows lie in, and kOverread bytes more
  std::vector<int8_t> codes;     // [n][segments][bytes]
  std::vector<int32_t> init;     // [n]
};

// The bytes of A that the rows of `test` reach, overread included.
inline int64_t ReachedBytes(const IntegerGemmCase& test) {
  const int64_t last = (test.rows.lines - 1) * test.rows.line_stride +
                       (test.rows.pixels - 1) * test.rows.pixel_stride;
  int64_t reach = 0;
  for (int64_t offset : test.offsets) reach = std::max(reach, offset + test.depth.bytes);
  return last + reach + kOverread;
}

// A matrix: m rows of k bytes, one behind the other.
inline IntegerGemmCase DenseGemm(int64_t m, int64_t n, int64_t k) {
  IntegerGemmCase test;
  test.n = n;
  test.depth = {.segments = 1, .bytes = k};
  test.rows.pixels = m;
  test.rows.pixel_stride = k;
  test.offsets = {0};
  return test;
}

// The rows of `test`, which has no numbers yet, once for each of several planes that lie
// behind each other, `gap` bytes apart.
inline void RepeatInPlanes(int64_t planes, int64_t gap, IntegerGemmCase& test) {
  const int64_t stride = ReachedBytes(test) - kOverread + gap;
  test.depth.planes = planes;
  for (int64_t plane = 1; plane < planes; ++plane) {
    for (int64_t segment = 0; segment < test.depth.segments; ++segment) {
      test.offsets.push_back(plane * stride + test.offsets[segment]);
    }
  }
}

// What `kernel` computes for columns [first, n), first a multiple of
// kColumnMultiple, from expanded weights if it is asked to; checks that it writes nothing else.
inline std::vector<int32_t> RunIntegerGemm(const IntegerGemmKernel& kernel,
                                           const IntegerGemmCase& test, int64_t first = 0,
                                           Flush flush = Flush::kEnd, bool expand = false) {
  GuardedBuffer<uint8_t> a(static_cast<size_t>(ReachedBytes(test)), flush);
  std::copy(test.a.begin(), test.a.end(), a.data());
  const GuardedBuffer<int64_t> offsets{std::span<const int64_t>(test.offsets), flush};
  TileRows rows = test.rows;
  rows.a = a.data();
  rows.offsets = offsets.data();
  const GuardedBuffer<int8_t> codes{std::span<const int8_t>(test.codes), flush};
  GuardedBuffer<uint8_t> packed(kernel.packed_bytes(test.n, test.depth), flush);
  kernel.pack(codes.data(), test.n, test.depth, packed.data());
  const GuardedBuffer<int32_t> init{std::span<const int32_t>(test.init), flush};
  const int64_t n = test.n - first;
  const int64_t ldc = n + test.row_gap;
  GuardedBuffer<int32_t> c(static_cast<size_t>((rows.rows() - 1) * ldc + n), flush);
  const uint8_t* from = packed.data() + (first == 0 ? 0 : kernel.packed_bytes(first, test.depth));
  if (expand) {
    const Expansion& expansion = *kernel.expansion;
    GuardedBuffer<uint8_t> expanded(expansion.expanded_bytes(n, test.depth), flush);
    expansion.expand(n, test.depth, from, expanded.data());
    expansion.run(rows, n, test.depth, expanded.data(), init.data() + first, c.data(), ldc);
  } else {
    kernel.run(rows, n, test.depth, from, init.data() + first, c.data(), ldc);
  }
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

// Calls check(kernel, expand) for every kernel that this CPU runs, and once more where it may
// expand its weights.
template <typename Check>
void ForEachWay(IntegerGemmKernels kernels, const Check& check) {
  ForEachRunnable(kernels, [&](const IntegerGemmKernel& kernel) {
    check(kernel, false);
    if (kernel.expansion != nullptr) check(kernel, true);
  });
}

inline void CheckIntegerGemm(IntegerGemmKernels kernels, const IntegerGemmCase& test) {
  SCOPED_TRACE(testing::Message() << "lines=" << test.rows.lines << " pixels=" << test.rows.pixels
                                  << " n=" << test.n << " segments=" << test.depth.segments
                                  << " bytes=" << test.depth.bytes
                                  << " planes=" << test.depth.planes);
  const std::vector<int32_t> expected = RunIntegerGemm(*kernels.back(), test);
  ForEachWay(kernels, [&](const IntegerGemmKernel& kernel, bool expand) {
    for (Flush flush : kBothEnds) {
      ASSERT_EQ(RunIntegerGemm(kernel, test, 0, flush, expand), expected)
          << (expand ? "expanded" : "as they are");
    }
  });
}

// Fills in numbers: activations are uniform codes of 1 to 8 bits (bytes behind the rows
// are anything), weights come from code(generator).
template <typename Code>
void FillIntegerGemm(std::mt19937& generator, const Code& code, IntegerGemmCase& test) {
  const int64_t highest = (1 << Uniform(generator, 1, 8)) - 1;
  test.a.resize(static_cast<size_t>(ReachedBytes(test)));
  for (uint8_t& value : test.a) value = static_cast<uint8_t>(Uniform(generator, 0, highest));
  for (int64_t i = 1; i <= kOverread; ++i) *(test.a.end() - i) = static_cast<uint8_t>(generator());
  for (int64_t i = 0; i < test.n * test.depth.total(); ++i) {
    test.codes.push_back(static_cast<int8_t>(code(generator)));
  }
  for (int64_t i = 0; i < test.n; ++i) {
    test.init.push_back(static_cast<int32_t>(Uniform(generator, -100000, 100000)));
  }
}

// Every depth to 200, every n to 200, every m to 64, and depths around the kernels'
// blocks; the other two sizes at random.
template <typename Code>
void CheckIntegerGemmSizes(IntegerGemmKernels kernels, const Code& code) {
  std::mt19937 generator = SeededGenerator();
  const auto check = [&](int64_t m, int64_t n, int64_t k) {
    if (testing::Test::HasFailure()) return;
    IntegerGemmCase test = DenseGemm(m, n, k);
    test.rows.pixel_stride += Uniform(generator, 0, 2) * 7;
    test.row_gap = Uniform(generator, 0, 2) * 7;
    FillIntegerGemm(generator, code, test);
    CheckIntegerGemm(kernels, test);
  };
  for (int64_t k = 1; k <= 200; ++k) {
    check(Uniform(generator, 1, 20), Uniform(generator, 1, 70), k);
  }
  for (int64_t n = 1; n <= 200; ++n) {
    check(Uniform(generator, 1, 20), n, Uniform(generator, 1, 200));
    check(1, n, Uniform(generator, 1, 200));
  }
  for (int64_t m = 1; m <= 64; ++m) {
    for (int64_t n : {1, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 130}) {
      if (m <= 30 || n % 16 == 1) check(m, n, Uniform(generator, 1, 200));
    }
  }
  for (int64_t k : {255, 256, 257, 511, 512, 513, 576, 1984, 2047, 2048, 2049, 2112, 4096, 4608}) {
    check(Uniform(generator, 1, 24), Uniform(generator, 1, 40), k);
  }
}

// Convolutions over maps of any width, windows of 1x1 to 7x7, strides and dilations to 3:
// lines of overlapping rows. Taps that are adjacent in the map are one segment, others one
// each. Numbers have 1 to most_planes bit planes.
template <typename Code>
void CheckIntegerGemmConvolutions(IntegerGemmKernels kernels, const Code& code,
                                  int64_t most_planes = 1) {
  std::mt19937 generator = SeededGenerator();
  for (int i = 0; i < 600 && !testing::Test::HasFailure(); ++i) {
    const int64_t channels = Uniform(generator, 1, i % 4 == 0 ? 70 : 17);
    const int64_t height = Uniform(generator, 1, 7);
    const int64_t width = Uniform(generator, 1, 7);
    const int64_t down = Uniform(generator, 1, 3);
    const int64_t right = Uniform(generator, 1, 3);
    const int64_t step = Uniform(generator, 1, 3);
    const int64_t taps = right == 1 ? 1 : width;
    IntegerGemmCase test;
    test.n = Uniform(generator, 1, 70);
    test.depth = {.segments = height * taps, .bytes = width / taps * channels};
    test.rows.lines = Uniform(generator, 1, 5);
    test.rows.pixels = Uniform(generator, 1, 30);
    test.rows.pixel_stride = step * channels;
    const int64_t map_line = (test.rows.pixels * step + right * width) * channels;
    test.rows.line_stride = Uniform(generator, 1, 3) * map_line;
    for (int64_t tap = 0; tap < height * taps; ++tap) {
      test.offsets.push_back(tap / taps * down * map_line + tap % taps * right * channels);
    }
    RepeatInPlanes(Uniform(generator, 1, most_planes), Uniform(generator, 0, 9), test);
    FillIntegerGemm(generator, code, test);
    CheckIntegerGemm(kernels, test);
  }
}

// Short lines of a map with a ring, and as many rows as fill several register tiles, of which a
// kernel may take some across lines.
template <typename Code>
void CheckIntegerGemmShortLines(IntegerGemmKernels kernels, const Code& code) {
  std::mt19937 generator = SeededGenerator();
  for (int i = 0; i < 120 && !testing::Test::HasFailure(); ++i) {
    const int64_t channels = Uniform(generator, 0, 1) == 0 ? 64 : Uniform(generator, 1, 150);
    const int64_t size = Uniform(generator, 1, 9);
    const int64_t window = Uniform(generator, 1, 4);
    const int64_t map_line = (size + window - 1) * channels;
    IntegerGemmCase test;
    test.n = Uniform(generator, 1, 100);
    test.depth = {.segments = window, .bytes = window * channels};
    test.rows.lines = Uniform(generator, 1, 14);
    test.rows.pixels = size;
    test.rows.pixel_stride = channels;
    // Also lines that overlap, which no map has.
    test.rows.line_stride = i % 10 == 0 ? Uniform(generator, 0, 2) * channels : map_line;
    for (int64_t y = 0; y < window; ++y) test.offsets.push_back(y * map_line);
    test.row_gap = Uniform(generator, 0, 2) * 7;
    FillIntegerGemm(generator, code, test);
    CheckIntegerGemm(kernels, test);
  }
}

// Columns computed from a multiple of kColumnMultiple on equal the same columns
// of the whole.
template <typename Code>
void CheckIntegerGemmColumnSplit(IntegerGemmKernels kernels, const Code& code) {
  std::mt19937 generator = SeededGenerator();
  IntegerGemmCase test = DenseGemm(5, 75, 150);
  FillIntegerGemm(generator, code, test);
  ForEachWay(kernels, [&](const IntegerGemmKernel& kernel, bool expand) {
    const std::vector<int32_t> whole = RunIntegerGemm(kernel, test);
    for (int64_t first = 0; first < test.n; first += kColumnMultiple) {
      const std::vector<int32_t> part = RunIntegerGemm(kernel, test, first, Flush::kEnd, expand);
      for (int64_t row = 0; row < test.rows.rows(); ++row) {
        for (int64_t column = first; column < test.n; ++column) {
          ASSERT_EQ(part[static_cast<size_t>(row * (test.n - first) + column - first)],
                    whole[static_cast<size_t>(row * test.n + column)]);
        }
      }
    }
  });
}

// 9 rows and 33 columns of one activation and one weight throughout: the sums that are
// largest in magnitude at every width that a kernel adds in. `product` is what each byte
// of depth adds.
inline void CheckIntegerGemmConstant(IntegerGemmKernels kernels, int64_t k, uint8_t a, int8_t code,
                                     int32_t init, int64_t product) {
  IntegerGemmCase test = DenseGemm(9, 33, k);
  test.a.assign(static_cast<size_t>(ReachedBytes(test)), a);
  test.codes.assign(static_cast<size_t>(test.n * k), code);
  test.init.assign(static_cast<size_t>(test.n), init);
  const uint32_t sum = static_cast<uint32_t>(k) * static_cast<uint32_t>(product);
  const int32_t expected = static_cast<int32_t>(static_cast<uint32_t>(init) + sum);
  ForEachWay(kernels, [&](const IntegerGemmKernel& kernel, bool expand) {
    for (int32_t value : RunIntegerGemm(kernel, test, 0, Flush::kEnd, expand)) {
      ASSERT_EQ(value, expected) << "k=" << k << " a=" << int{a} << " code=" << int{code};
    }
  });
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TESTING_INTEGER_GEMM_H_
