// Names of nodes as users pick them: "layer1.*".
#ifndef SIGNUM_GRAPH_NAME_PATTERN_H_
#define SIGNUM_GRAPH_NAME_PATTERN_H_

#include <string>

namespace signum {

// Whether `name` fits `pattern`, in which * stands for any characters and ? for one.
inline bool FitsPattern(const std::string& name, const std::string& pattern) {
  size_t n = 0, p = 0;
  size_t star = std::string::npos, resume = 0;  // the last *, and what it has not taken yet
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string::npos;
}

}  // namespace signum

#endif  // SIGNUM_GRAPH_NAME_PATTERN_H_
