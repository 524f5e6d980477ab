#include "format/packed_codes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace signum::format {
namespace {

// The codes of 2 to 7 bits, without a check of their range.
std::vector<int8_t> UnpackFields(std::span<const uint8_t> packed, int64_t count, int bits) {
  std::vector<int8_t> codes(count);
  const uint32_t mask = (1u << bits) - 1;
  const int sign = 1 << (bits - 1);
  uint32_t pool = 0;
  int held = 0;
  size_t next = 0;
  for (int8_t& code : codes) {
    if (held < bits) {
      pool |= uint32_t{packed[next++]} << held;
      held += 8;
    }
    code = static_cast<int8_t>((static_cast<int>(pool & mask) ^ sign) - sign);
    pool >>= bits;
    held -= bits;
  }
  return codes;
}

// The eight codes of every byte of signs.
struct SignTable {
  std::array<std::array<int8_t, 8>, 256> of;
  constexpr SignTable() : of() {
    for (int byte = 0; byte < 256; ++byte) {
      for (int bit = 0; bit < 8; ++bit) of[byte][bit] = (byte >> bit & 1) == 1 ? 1 : -1;
    }
  }
};

std::vector<int8_t> UnpackSigns(std::span<const uint8_t> packed, int64_t count) {
  static constexpr SignTable kSigns;
  std::vector<int8_t> codes(count);
  int64_t done = 0;
  for (; done + 8 <= count; done += 8) {
    std::memcpy(codes.data() + done, kSigns.of[packed[done / 8]].data(), 8);
  }
  for (; done < count; ++done) codes[done] = kSigns.of[packed[done / 8]][done % 8];
  return codes;
}

}  // namespace

std::vector<uint8_t> PackCodes(std::span<const int8_t> codes, int bits) {
  SIGNUM_CHECK(bits >= 1 && bits <= 8);
  std::vector<uint8_t> packed;
  packed.reserve(PackedBytes(static_cast<int64_t>(codes.size()), bits));
  const uint32_t mask = (1u << bits) - 1;
  uint32_t pool = 0;
  int held = 0;
  for (int8_t code : codes) {
    const uint32_t field = bits == 1 ? (code > 0 ? 1u : 0u) : static_cast<uint32_t>(code) & mask;
    pool |= field << held;
    held += bits;
    if (held >= 8) {
      packed.push_back(static_cast<uint8_t>(pool));
      pool >>= 8;
      held -= 8;
    }
  }
  if (held > 0) packed.push_back(static_cast<uint8_t>(pool));
  return packed;
}

Result<std::vector<int8_t>> UnpackCodes(std::span<const uint8_t> packed, int64_t count, int bits) {
  SIGNUM_CHECK(bits >= 1 && bits <= 8 && count >= 0);
  SIGNUM_CHECK(static_cast<int64_t>(packed.size()) == PackedBytes(count, bits));
  const int used = static_cast<int>(count * bits % 8);
  if (used > 0 && packed.back() >> used != 0) {
    return Corrupt(fmt::format("an unused bit of the last of {} bytes is set", packed.size()));
  }
  if (bits == 1) return UnpackSigns(packed, count);
  if (bits == 8) return std::vector<int8_t>(packed.begin(), packed.end());
  std::vector<int8_t> codes = UnpackFields(packed, count, bits);
  const auto lowest = static_cast<int8_t>(-(1 << (bits - 1)));
  const auto bad = std::find(codes.begin(), codes.end(), lowest);
  if (bad != codes.end()) {
    return Corrupt(fmt::format("code {} is {}, below the least {}-bit code of {}",
                               bad - codes.begin(), lowest, bits, lowest + 1));
  }
  return codes;
}

}  // namespace signum::format
