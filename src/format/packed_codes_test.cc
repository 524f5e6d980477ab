#include "format/packed_codes.h"

#include <gmock/gmock.h>

#include <random>

namespace signum::format {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PackedCodes, OneBitIsPlusOneAndTheFirstIsLeastSignificant) {
  const std::vector<int8_t> codes{1, -1, -1, -1, -1, -1, -1, -1, 1, 1, -1};
  EXPECT_THAT(PackCodes(codes, 1), ElementsAre(0x01, 0x03));
}

TEST(PackedCodes, SeveralBitsAreTwosComplement) {
  const std::vector<int8_t> codes{1, -1, 3, -3};
  // 001, 111, 011, 101 from the least significant bit: 1010 1111 1001.
  EXPECT_THAT(PackCodes(codes, 3), ElementsAre(0xF9, 0x0A));
}

TEST(PackedCodes, EveryWidthAndTailComesBack) {
  std::mt19937 random(1);
  for (int bits = 1; bits <= 8; ++bits) {
    const int highest = (1 << (bits - 1)) - 1;
    for (int count = 0; count <= 70; ++count) {
      std::vector<int8_t> codes(count);
      for (int8_t& code : codes) {
        const int draw = static_cast<int>(random() >> 8);
        code = static_cast<int8_t>(bits == 1 ? (draw & 1) * 2 - 1
                                             : draw % (2 * highest + 1) - highest);
      }
      const std::vector<uint8_t> packed = PackCodes(codes, bits);
      ASSERT_EQ(static_cast<int64_t>(packed.size()), PackedBytes(count, bits));
      const auto unpacked = UnpackCodes(packed, count, bits);
      ASSERT_TRUE(unpacked.has_value()) << unpacked.error().message;
      EXPECT_EQ(*unpacked, codes) << bits << " bits, " << count << " codes";
    }
  }
}

TEST(PackedCodes, TheCodeBelowTheSymmetricRangeIsRefused) {
  for (int bits = 2; bits <= 7; ++bits) {
    std::vector<uint8_t> packed(PackedBytes(3, bits));
    const int field = 2 * bits + bits - 1;  // the sign bit of code 2
    packed[field / 8] = static_cast<uint8_t>(1 << field % 8);
    const auto unpacked = UnpackCodes(packed, 3, bits);
    ASSERT_FALSE(unpacked.has_value());
    EXPECT_THAT(unpacked.error().message, HasSubstr("code 2 is -"));
  }
}

TEST(PackedCodes, EightBitsHoldEveryByte) {
  std::vector<int8_t> codes;
  for (int code = -128; code <= 127; ++code) codes.push_back(static_cast<int8_t>(code));
  const auto unpacked = UnpackCodes(PackCodes(codes, 8), 256, 8);
  ASSERT_TRUE(unpacked.has_value()) << unpacked.error().message;
  EXPECT_EQ(*unpacked, codes);
}

TEST(PackedCodes, AnUnusedBitThatIsSetIsRefused) {
  const std::vector<uint8_t> packed{0x00, 0x08};
  EXPECT_TRUE(UnpackCodes(packed, 12, 1).has_value());
  const auto unpacked = UnpackCodes(packed, 11, 1);
  ASSERT_FALSE(unpacked.has_value());
  EXPECT_THAT(unpacked.error().message, HasSubstr("unused bit"));
}

}  // namespace
}  // namespace signum::format
