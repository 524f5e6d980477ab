// AMX's instructions as functions, for files compiled for AMX only. Not the compilers' own,
// because GCC 12's tell it nothing of the memory that they read. Tile registers are the
// caller's to keep apart; nothing here is saved across other code that uses tiles.
#ifndef SIGNUM_BASE_TILES_X86_AMX_H_
#define SIGNUM_BASE_TILES_X86_AMX_H_

#include <cstdint>

namespace signum {
namespace {

inline constexpr int64_t kTileRows = 16;
inline constexpr int64_t kTileRowBytes = 64;

// What LDTILECFG reads: for each tile its rows and the bytes of a row, with 16 rows of 64
// bytes at most. A tile of 0 rows may not be used.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

inline void ConfigureTiles(const TileConfig& config) {
  asm volatile("ldtilecfg %0" : : "m"(config) : "memory");
}
inline void ReleaseTiles() { asm volatile("tilerelease" : : : "memory"); }

// Rows `stride` bytes apart; 0 gives every row of the tile the same.
template <int kTile>
inline void LoadTile(const void* from, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
}
template <int kTile>
inline void StoreTileRows(void* to, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(kTile) : "memory");
}

// Tile c, of int32, += a, of u8, times b, of s8 in groups of four rows side by side:
// c[r][n] += sum over k of a[r][k] * b[k / 4][4 * n + k % 4], modulo 2^32.
template <int c, int a, int b>
inline void MultiplyTiles() {
  asm volatile("tdpbusd %%tmm%c0, %%tmm%c1, %%tmm%c2" : : "i"(b), "i"(a), "i"(c));
}

}  // namespace
}  // namespace signum

#endif  // SIGNUM_BASE_TILES_X86_AMX_H_
