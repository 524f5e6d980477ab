// The definition, one product at a time. Packed: the codes as they come, a row for each
// column.
#include <cstring>

#include "kernels/gemm_u8s8/gemm_u8s8.h"

namespace signum::kernels {
namespace {

size_t PackedBytes(int64_t n, const Depth& depth) { return static_cast<size_t>(n * depth.total()); }

void Pack(const int8_t* codes, int64_t n, const Depth& depth, uint8_t* packed) {
  std::memcpy(packed, codes, PackedBytes(n, depth));
}

int32_t Sum(const uint8_t* row, const int64_t* offsets, const Depth& depth, const int8_t* weights,
            int32_t init) {
  // Unsigned, because what overflows wraps: the result is modulo 2^32.
  uint32_t sum = static_cast<uint32_t>(init);
  for (int64_t segment = 0; segment < depth.segments; ++segment) {
    for (int64_t i = 0; i < depth.bytes; ++i) {
      sum += static_cast<uint32_t>(int32_t{row[offsets[segment] + i]} * *weights++);
    }
  }
  return static_cast<int32_t>(sum);
}

void Run(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
         const int32_t* init, int32_t* c, int64_t ldc) {
  const auto* weights = reinterpret_cast<const int8_t*>(packed);
  for (int64_t r = 0; r < rows.rows(); ++r) {
    const uint8_t* row = rows.row(r / rows.pixels, r % rows.pixels);
    for (int64_t column = 0; column < n; ++column) {
      c[r * ldc + column] =
          Sum(row, rows.offsets, depth, weights + column * depth.total(), init[column]);
    }
  }
}

}  // namespace

constexpr IntegerGemmKernel kGemmU8S8Reference = {"gemm_u8s8_reference", Isa::kScalar, 17, 0,
                                                  PackedBytes,           Pack,         Run};

}  // namespace signum::kernels
