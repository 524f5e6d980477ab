#include "report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace signum::report {
namespace {

bool ContinuesCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// U+0300..U+036F, the combining accents, are 0xcc 0x80 .. 0xcd 0xaf in UTF-8.
bool IsCombiningAt(std::string_view text, size_t i) {
  if (i + 1 >= text.size()) return false;
  const auto first = static_cast<unsigned char>(text[i]);
  const auto second = static_cast<unsigned char>(text[i + 1]);
  return first == 0xcc || (first == 0xcd && second <= 0xaf);
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Without the zeros at the end of a fraction.
std::string TrimFraction(std::string digits) {
  if (digits.find('.') == std::string::npos) return digits;
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

std::string WithExponent(double value, int digits) {
  const std::string text = fmt::format("{:.{}e}", value, digits - 1);
  const size_t e = text.find('e');
  return TrimFraction(text.substr(0, e)) + "e" + std::to_string(std::atoi(text.c_str() + e + 1));
}

}  // namespace

std::string HumanBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
  double value = std::abs(static_cast<double>(bytes));
  const char* sign = bytes < 0 ? "-" : "";
  size_t unit = 0;
  // 999.5 KB would round to "1000 KB".
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  const int decimals = unit > 0 && value < 9.95 ? 1 : 0;
  return fmt::format("{}{:.{}f} {}", sign, value, decimals, kUnits[unit]);
}

std::string HumanCount(int64_t count) {
  std::string digits = std::to_string(count);
  const size_t first = count < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, 1, ',');
  }
  return digits;
}

std::string HumanDuration(double seconds) {
  if (!(seconds >= 0 && seconds < 1e12)) return "-:--";
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  const int64_t hours = whole / 3600;
  const int64_t minutes = whole / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

std::string HumanNumber(double value, int digits) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size < 1e-4 || size >= 1e6) return WithExponent(value, digits);
  const int decimals = digits - 1 - static_cast<int>(std::floor(std::log10(size)));
  return TrimFraction(fmt::format("{:.{}f}", value, std::max(0, decimals)));
}

std::string HumanPercent(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f} %", share * 100) : "n/a";
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!ContinuesCodePoint(text[i]) && !IsCombiningAt(text, i)) ++width;
  }
  return width;
}

std::string FitWidth(std::string_view text, int columns) {
  const bool cut = DisplayWidth(text) > columns;
  const bool dots = cut && columns > 6;
  const int room = std::max(0, dots ? columns - 3 : columns);
  std::string fitted;
  int width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!ContinuesCodePoint(text[i]) && !IsCombiningAt(text, i) && ++width > room) break;
    fitted += IsControl(text[i]) ? ' ' : text[i];
  }
  return dots ? fitted + "..." : fitted;
}

}  // namespace signum::report
