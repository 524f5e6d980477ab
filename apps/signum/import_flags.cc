#include "import_flags.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <filesystem>

namespace signum::apps {

Result<std::vector<float>> ParseNumbers(const char* flag, const std::string& text) {
  std::vector<float> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    float number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc() || (next != end && (*next != ',' || next + 1 == end))) {
      return InvalidArgument(fmt::format(
          "{} '{}' is not a list of numbers, one for each channel, as in .485,.456,.406", flag,
          text));
    }
    if (!std::isfinite(number)) {
      return InvalidArgument(fmt::format("{} '{}' has a number that is not finite", flag, text));
    }
    numbers.push_back(number);
    at = next == end ? end : next + 1;
  }
  return numbers;
}

std::string PlainFileName(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  for (char& c : name) c = c >= ' ' && c < 127 ? c : '?';
  return name;
}

}  // namespace signum::apps
