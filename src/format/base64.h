// Base64 (RFC 4648, section 4): bytes as text, for formats that hold only text.
// Internal to this room.
#ifndef SIGNUM_FORMAT_BASE64_H_
#define SIGNUM_FORMAT_BASE64_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace signum::format {

std::string ToBase64(std::span<const uint8_t> bytes);

// Nothing where `text` is not what ToBase64 writes.
std::optional<std::vector<uint8_t>> FromBase64(std::string_view text);

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_BASE64_H_
