// Weight codes as bits: b-bit fields back to back, least significant bit first,
// no padding between rows. 1 bit: 1 means +1, 0 means -1. 2 to 8 bits: two's
// complement. Knows neither files nor graphs.
#ifndef SIGNUM_FORMAT_PACKED_CODES_H_
#define SIGNUM_FORMAT_PACKED_CODES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "signum/result.h"

namespace signum::format {

// The bytes that `count` codes of `bits` bits (1 to 8) take.
constexpr int64_t PackedBytes(int64_t count, int bits) { return (count * bits + 7) / 8; }

// Codes must be -1 and +1 for 1 bit, else within +-(2^(bits-1) - 1), or -128 in 8
// bits. The unused bits of the last byte are 0.
std::vector<uint8_t> PackCodes(std::span<const int8_t> codes, int bits);

// The inverse, for bytes from outside: a code of -2^(bits-1) in 2 to 7 bits, or an
// unused bit that is set, is an error. packed.size() must be PackedBytes(count, bits).
Result<std::vector<int8_t>> UnpackCodes(std::span<const uint8_t> packed, int64_t count, int bits);

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_PACKED_CODES_H_
