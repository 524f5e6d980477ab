// The vectors of lookup.h on arm64. For files of NEON and of what includes it: all of it is in
// an anonymous namespace. Those files include <arm_neon.h> before it.
#ifndef SIGNUM_KERNELS_GEMM_U8W1_LOOKUP_ARM64_NEON_H_
#define SIGNUM_KERNELS_GEMM_U8W1_LOOKUP_ARM64_NEON_H_

#include "kernels/gemm_u8w1/lookup.h"

namespace signum::kernels {
namespace {

struct LookupVector {
  static constexpr int kVectors = 4;
  static constexpr int kPanels = 1;
  static constexpr int kPlaces[] = {0, 1, 2, 3};
  using Bytes = uint8x16_t;
  static uint16x8_t Words(Bytes x) { return vreinterpretq_u16_u8(x); }
  static Bytes FromWords(uint16x8_t x) { return vreinterpretq_u8_u16(x); }
  static Bytes Zero() { return vdupq_n_u8(0); }
  static Bytes Load(const uint8_t* p) { return vld1q_u8(p); }
  static void LoadGroup(const uint8_t* p, Bytes* group) {
    const uint8x16x4_t bytes = vld4q_u8(p);
    for (int i = 0; i < kVectors; ++i) group[i] = bytes.val[i];
  }
  static Bytes LowNibbles(Bytes x) { return vandq_u8(x, vdupq_n_u8(15)); }
  static Bytes HighNibbles(Bytes x) { return vshrq_n_u8(x, 4); }
  static Bytes Lookup(Bytes tables, Bytes nibbles) { return vqtbl1q_u8(tables, nibbles); }
  static Bytes AddBytes(Bytes x, Bytes y) { return vaddq_u8(x, y); }
  static Bytes AddWords(Bytes x, Bytes y) { return FromWords(vaddq_u16(Words(x), Words(y))); }
  static Bytes EvenBytes(Bytes x) { return FromWords(vandq_u16(Words(x), vdupq_n_u16(255))); }
  static Bytes OddBytes(Bytes x) { return FromWords(vshrq_n_u16(Words(x), 8)); }
  static void SumLanes(Bytes words, uint16_t* sums) { vst1q_u16(sums, Words(words)); }
};

// Tables for a row alone, else the tiles of Micro.
template <typename Micro>
void RunByLookup(const TileRows& rows, int64_t n, const Depth& depth, const uint8_t* packed,
                 const int32_t* init, int32_t* c, int64_t ldc) {
  const IntegerGemmProblem problem = {rows, n, depth, packed, init, c, ldc};
  if (rows.rows() == 1 && n >= kLookupColumns) return LookupProduct<LookupVector>::Run(problem);
  ForEachRowTile<Micro>(problem);
}

}  // namespace
}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_GEMM_U8W1_LOOKUP_ARM64_NEON_H_
