// The definition, a byte at a time. Packed: the bits as they come, a row for each column.
#include <bit>
#include <cstring>

#include "kernels/gemm_b1w1/gemm_b1w1.h"

namespace signum::kernels {
namespace {

size_t PackedBytes(int64_t n, const Depth& depth) { return static_cast<size_t>(n * depth.total()); }

void Pack(const int8_t* bits, int64_t n, const Depth& depth, uint8_t* packed) {
  std::memcpy(packed, bits, PackedBytes(n, depth));
}

uint32_t Differing(const uint8_t* row, const int64_t* offsets, const Depth& depth,
                   const uint8_t* weights) {
  uint32_t count = 0;
  for (int64_t segment = 0; segment < depth.segments; ++segment) {
    for (int64_t i = 0; i < depth.bytes; ++i) {
      count += static_cast<uint32_t>(
          std::popcount(static_cast<uint8_t>(row[offsets[segment] + i] ^ *weights++)));
    }
  }
  return count;
}

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  for (int64_t r = 0; r < rows.rows(); ++r) {
    const uint8_t* row = rows.row(r / rows.pixels, r % rows.pixels);
    for (int64_t column = 0; column < n; ++column) {
      uint32_t count = 0;
      for (int64_t plane = 0; plane < depth.planes; ++plane) {
        count = 2 * count + Differing(row, rows.offsets + plane * depth.segments, depth,
                                      packed + column * depth.total());
      }
      if (depth.planes == 1) count *= 2;
      c[r * ldc + column] = static_cast<int32_t>(static_cast<uint32_t>(init[column]) - count);
    }
  }
}

}  // namespace

constexpr IntegerGemmKernel kGemmB1W1Reference = {"gemm_b1w1_reference", Isa::kScalar, 7,  0,
                                                  PackedBytes,           Pack,         Run};

}  // namespace signum::kernels
