// The word that was probably meant: for errors that suggest a name.
#ifndef SIGNUM_BASE_NEAREST_H_
#define SIGNUM_BASE_NEAREST_H_

#include <algorithm>
#include <cctype>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace signum {

// The fewest insertions, deletions and substitutions of a character that turn
// `a` into `b` (V. Levenshtein, 1966), upper and lower case taken as equal.
inline size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const bool same = std::tolower(static_cast<unsigned char>(a[i])) ==
                        std::tolower(static_cast<unsigned char>(b[j]));
      const size_t substituted = diagonal + (same ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

// The candidate nearest to `word` by EditDistance, the first of equals; empty
// where even that one differs in more than a third of the longer's characters
// (but one slip is always forgiven).
inline std::string Nearest(const std::string& word, std::span<const std::string> candidates) {
  constexpr size_t kLongestWord = 100;
  if (word.empty() || word.size() > kLongestWord) return "";
  const std::string* best = nullptr;
  size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    const size_t allowed = std::max<size_t>(1, std::max(word.size(), candidate.size()) / 3);
    if (distance > allowed || (best != nullptr && distance >= best_distance)) continue;
    best = &candidate;
    best_distance = distance;
  }
  return best == nullptr ? "" : *best;
}

}  // namespace signum

#endif  // SIGNUM_BASE_NEAREST_H_
