#include "format/base64.h"

#include <algorithm>

namespace signum::format {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string ToBase64(std::span<const uint8_t> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t word = 0;
    for (size_t i = 0; i < count; ++i) word |= uint32_t{bytes[at + i]} << (16 - 8 * i);
    for (size_t i = 0; i < 4; ++i) {
      text += i <= count ? kDigits[word >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

std::optional<std::vector<uint8_t>> FromBase64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::vector<uint8_t> bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (size_t at = 0; at < text.size(); at += 4) {
    uint32_t word = 0;
    for (size_t i = 0; i < 4; ++i) {
      const bool pad = at + i >= text.size() - padding;
      const size_t digit = pad ? 0 : kDigits.find(text[at + i]);
      if (digit == std::string_view::npos) return {};
      word |= static_cast<uint32_t>(digit) << (18 - 6 * i);
    }
    for (size_t i = 0; i < 3; ++i) bytes.push_back(static_cast<uint8_t>(word >> (16 - 8 * i)));
  }
  // The bits behind the last byte are zeros: one text for each sequence of bytes.
  for (size_t i = 0; i < padding; ++i) {
    if (bytes.back() != 0) return {};
    bytes.pop_back();
  }
  return bytes;
}

}  // namespace signum::format
