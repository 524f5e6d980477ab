// The definition, one product at a time. Packed: a row of bits for each column,
// rounded up to bytes; bit i % 8 of byte i / 8 for depth i, counted through segments.
#include <cstring>

#include "kernels/gemm_u8w1/gemm_u8w1.h"

namespace signum::kernels {
namespace {

int64_t RowBytes(const Depth& depth) { return (depth.total() + 7) / 8; }

size_t PackedBytes(int64_t n, const Depth& depth) {
  return static_cast<size_t>(n * RowBytes(depth));
}

void Pack(const int8_t* codes, int64_t n, const Depth& depth, uint8_t* packed) {
  std::memset(packed, 0, PackedBytes(n, depth));
  for (int64_t column = 0; column < n; ++column) {
    for (int64_t i = 0; i < depth.total(); ++i) {
      if (*codes++ > 0) {
        packed[column * RowBytes(depth) + i / 8] |= static_cast<uint8_t>(1 << (i % 8));
      }
    }
  }
}

int32_t Sum(const uint8_t* row, const int64_t* offsets, const Depth& depth, const uint8_t* bits,
            int32_t init) {
  // Unsigned, because what overflows wraps: the result is modulo 2^32.
  uint32_t sum = static_cast<uint32_t>(init);
  for (int64_t k = 0; k < depth.total(); ++k) {
    const uint32_t value = row[offsets[k / depth.bytes] + k % depth.bytes];
    const bool plus = (bits[k / 8] >> (k % 8)) & 1;
    sum = plus ? sum + value : sum - value;
  }
  return static_cast<int32_t>(sum);
}

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  for (int64_t r = 0; r < rows.rows(); ++r) {
    const uint8_t* row = rows.row(r / rows.pixels, r % rows.pixels);
    for (int64_t column = 0; column < n; ++column) {
      c[r * ldc + column] =
          Sum(row, rows.offsets, depth, packed + column * RowBytes(depth), init[column]);
    }
  }
}

}  // namespace

constexpr IntegerGemmKernel kGemmU8W1Reference = {"gemm_u8w1_reference", Isa::kScalar, 1,  0,
                                                  PackedBytes,           Pack,         Run};

}  // namespace signum::kernels
