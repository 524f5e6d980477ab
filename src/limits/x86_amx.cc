#include "base/tiles_x86_amx.h"
#include "limits/loops.h"

namespace signum::limits {
namespace {

constexpr int kChains = 6;  // tiles of sums: independent, and more than latency wants

uint64_t Int8Rounds(int64_t rounds) {
  TileConfig config;
  for (int tile = 0; tile < 8; ++tile) {
    config.rows[tile] = kTileRows;
    config.row_bytes[tile] = kTileRowBytes;
  }
  ConfigureTiles(config);  // and zeroes them
  for (int64_t round = 0; round < rounds; ++round) {
    MultiplyTiles<0, 6, 7>();
    MultiplyTiles<1, 6, 7>();
    MultiplyTiles<2, 6, 7>();
    MultiplyTiles<3, 6, 7>();
    MultiplyTiles<4, 6, 7>();
    MultiplyTiles<5, 6, 7>();
  }
  uint8_t sums[kTileRows * kTileRowBytes];
  StoreTileRows<0>(sums, kTileRowBytes);
  ReleaseTiles();
  return sums[0];
}

}  // namespace

constexpr Loops kAmxLoops = {
    .float_rounds = nullptr,
    .int8_rounds = Int8Rounds,
    .bit_rounds = nullptr,
    .float_ops = 0,
    .int8_ops = 2.0 * kTileRows * kTileRows * kTileRowBytes * kChains,
    .bit_ops = 0,
    .read = nullptr,
};

}  // namespace signum::limits
