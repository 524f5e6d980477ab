// Prints, in Markdown, what becomes of ONNX's own backend tests: the table in
// docs/onnx.md. tools/onnx-table.sh runs it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "onnx/testing/backend_tests.h"

namespace signum::onnx {
namespace {

using Counts = std::array<int, 4>;  // by verdict

struct Line {
  std::string test, operators, reason;
};

void PrintCounts(const std::map<std::string, Counts>& by_operator) {
  fmt::print("| operator | run | folded | unsupported | wrong |\n|---|---:|---:|---:|---:|\n");
  for (const auto& [name, counts] : by_operator) {
    fmt::print("| {} | {} |\n", name, fmt::join(counts, " | "));
  }
}

void PrintLines(const char* title, const std::vector<Line>& lines) {
  if (lines.empty()) return;
  fmt::print("\n{}:\n\n| test | operators | reason |\n|---|---|---|\n", title);
  for (const Line& line : lines) {
    fmt::print("| `{}` | {} | {} |\n", line.test, line.operators, line.reason);
  }
}

int Main() {
  const std::vector<BackendTest> tests = FindBackendTests();
  if (tests.empty()) {
    fmt::print(stderr, "ONNX's backend tests are not installed (Debian's libonnx-testdata)\n");
    return 1;
  }
  const auto isas = IsasToTest();
  if (!isas) {
    fmt::print(stderr, "{}\n", isas.error().message);
    return 1;
  }
  std::map<std::string, Counts> by_operator;
  std::vector<Line> folded, unsupported, wrong;
  Counts total{};
  int known = 0;
  for (const BackendTest& test : tests) {
    const auto result = RunBackendTest(test, *isas);
    if (!result) {
      fmt::print(stderr, "{}: {}\n", test.name, result.error().message);
      return 1;
    }
    if (!result->known) continue;
    ++known;
    const std::vector<std::string>& operators = result->operators;
    const std::string name = operators.size() == 1 ? operators[0] : "several in one test";
    const auto verdict = static_cast<size_t>(result->verdict);
    ++by_operator.try_emplace(name, Counts{}).first->second[verdict];
    ++total[verdict];
    const Line line{test.name, fmt::format("{}", fmt::join(operators, ", ")), result->reason};
    // What Shape and Size give is always a constant.
    const bool constant = name == "Shape" || name == "Size";
    if (result->verdict == Verdict::kFolded && result->importable && !constant) {
      folded.push_back(line);
    }
    if (result->verdict == Verdict::kUnsupported) unsupported.push_back(line);
    if (result->verdict == Verdict::kWrong) wrong.push_back(line);
  }
  fmt::print(
      "Of {} tests, {} consist of operators that the importer knows: {} are run, {} folded, "
      "{} unsupported and {} wrong.\n\n",
      tests.size(), known, total[0], total[1], total[2], total[3]);
  PrintCounts(by_operator);
  PrintLines("Wrong", wrong);
  PrintLines("Unsupported", unsupported);
  PrintLines("Folded, though every operator of theirs can be run", folded);
  return 0;
}

}  // namespace
}  // namespace signum::onnx

int main() { return signum::onnx::Main(); }
