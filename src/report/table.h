// A table of text, as a terminal, a Markdown page or a report shows it. Knows no stream:
// it returns strings. What a cell means is the caller's business.
#ifndef SIGNUM_REPORT_TABLE_H_
#define SIGNUM_REPORT_TABLE_H_

#include <string>
#include <vector>

#include "report/text.h"  // IWYU pragma: export (HumanBytes, HumanCount, HumanDuration)

namespace signum::report {

struct Column {
  std::string title;
  bool right_aligned = false;  // for numbers
};

class Table {
 public:
  explicit Table(std::vector<Column> columns);

  // One cell a column. A shorter row is filled with empty cells; a longer one is
  // a bug of the caller's.
  void AddRow(std::vector<std::string> cells);

  // A line across the table before the next row, as above a sum.
  void AddRule();

  // Aligned columns, two spaces apart, a rule under the titles, and a newline at
  // the end; no spaces before a newline. Control characters in cells become spaces.
  std::string ToText() const;

  // A GitHub-flavoured Markdown table. Pipes in cells are escaped and newlines
  // become spaces; rules have no form in Markdown and are left out.
  std::string ToMarkdown() const;

  // A card with a table for HtmlPage (html.h); rules are left out.
  std::string ToHtml() const;

 private:
  std::vector<int> Widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;  // an empty row is a rule
};

}  // namespace signum::report

#endif  // SIGNUM_REPORT_TABLE_H_
