#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "report/svg.h"

namespace signum::report {
namespace {

constexpr int kGap = 2;  // spaces between columns

// One cell of Markdown source: a pipe would end it, a newline the row.
std::string MarkdownCell(const std::string& cell) {
  std::string escaped;
  for (char c : FitWidth(cell, DisplayWidth(cell))) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void AppendPadded(const std::string& cell, int width, bool right_aligned, std::string& line) {
  const std::string shown = FitWidth(cell, width);
  const std::string padding(static_cast<size_t>(width - DisplayWidth(shown)), ' ');
  line += right_aligned ? padding + shown : shown + padding;
}

void EndLine(std::string& line, std::string& text) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + '\n';
  line.clear();
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  SIGNUM_CHECK(!columns_.empty());
}

void Table::AddRow(std::vector<std::string> cells) {
  SIGNUM_CHECK(cells.size() <= columns_.size());
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

void Table::AddRule() { rows_.emplace_back(); }

std::vector<int> Table::Widths() const {
  std::vector<int> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    int width = DisplayWidth(columns_[i].title);
    for (const auto& row : rows_) {
      if (!row.empty()) width = std::max(width, DisplayWidth(row[i]));
    }
    widths.push_back(width);
  }
  return widths;
}

std::string Table::ToText() const {
  const std::vector<int> widths = Widths();
  int total = kGap * (static_cast<int>(widths.size()) - 1);
  for (int width : widths) total += width;
  const std::string rule(static_cast<size_t>(total), '-');

  std::string text;
  std::string line;
  auto add_cell = [&](size_t i, const std::string& cell) {
    if (i > 0) line.append(kGap, ' ');
    AppendPadded(cell, widths[i], columns_[i].right_aligned, line);
  };
  for (size_t i = 0; i < columns_.size(); ++i) add_cell(i, columns_[i].title);
  EndLine(line, text);
  text += rule + '\n';
  for (const auto& row : rows_) {
    if (row.empty()) {
      text += rule + '\n';
      continue;
    }
    for (size_t i = 0; i < row.size(); ++i) add_cell(i, row[i]);
    EndLine(line, text);
  }
  return text;
}

std::string Table::ToMarkdown() const {
  std::string text = "|";
  for (const Column& column : columns_) text += fmt::format(" {} |", MarkdownCell(column.title));
  text += "\n|";
  for (const Column& column : columns_) text += column.right_aligned ? " ---: |" : " --- |";
  text += '\n';
  for (const auto& row : rows_) {
    if (row.empty()) continue;
    text += '|';
    for (const std::string& cell : row) text += fmt::format(" {} |", MarkdownCell(cell));
    text += '\n';
  }
  return text;
}

std::string Table::ToHtml() const {
  std::string text = "<div class=\"card wide\"><table>\n";
  const auto add_row = [&](const char* kind, const auto& cell_at) {
    text += "<tr>";
    for (size_t i = 0; i < columns_.size(); ++i) {
      text += fmt::format("<{}{}>{}</{}>", kind, columns_[i].right_aligned ? "" : " class=\"left\"",
                          EscapeMarkup(cell_at(i)), kind);
    }
    text += "</tr>\n";
  };
  add_row("th", [&](size_t i) { return columns_[i].title; });
  for (const auto& row : rows_) {
    if (!row.empty()) add_row("td", [&](size_t i) { return row[i]; });
  }
  return text + "</table></div>\n";
}

}  // namespace signum::report
