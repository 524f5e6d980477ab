#include "report/records.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "report/append_file.h"

namespace signum::report {
namespace {

using nlohmann::json;

std::string Line(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

json ParseOrDiscard(std::string_view text) {
  return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

// How the file at `path` has to be mended before lines are added to its end.
struct Ending {
  bool torn = false;
  size_t keep = 0;             // where torn: bytes to keep, from the start
  bool needs_newline = false;  // the last line is whole but for its newline
};

Result<Ending> ExamineEnding(const std::string& path) {
  auto bytes = base::ReadFile(path);
  if (!bytes && bytes.error().code == ErrorCode::kNotFound) return Ending{};
  if (!bytes) return tl::unexpected(bytes.error());
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  if (text.empty() || text.back() == '\n') return Ending{};
  const size_t newline = text.rfind('\n');
  const size_t last = newline == std::string_view::npos ? 0 : newline + 1;
  if (ParseOrDiscard(text.substr(last)).is_object()) return Ending{.needs_newline = true};
  // Only what can be the start of a record may be cut off; a file named by mistake may not.
  if (text[last] != '{') {
    return Corrupt(path + " does not end as a file of JSON lines does; name another file");
  }
  return Ending{.torn = true, .keep = last};
}

std::string CsvField(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

void AppendCsvRow(const std::vector<std::string>& row, std::string& text) {
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) text += ',';
    text += CsvField(row[i]);
  }
  text += "\r\n";
}

}  // namespace

Result<JsonLinesFile> JsonLinesFile::Open(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const Ending ending, ExamineEnding(path));
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return base::CannotWrite(path);
  JsonLinesFile file(path, fd);
  size_t written = 0;
  if ((ending.torn && ftruncate(fd, static_cast<off_t>(ending.keep)) != 0) ||
      !AppendBytes(fd, ending.needs_newline ? "\n" : "", written)) {
    return base::CannotWrite(path);
  }
  return file;
}

JsonLinesFile::JsonLinesFile(JsonLinesFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

JsonLinesFile& JsonLinesFile::operator=(JsonLinesFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

JsonLinesFile::~JsonLinesFile() {
  if (fd_ >= 0) close(fd_);
}

Status JsonLinesFile::Append(const json& object) {
  size_t written = 0;
  if (AppendBytes(fd_, Line(object), written)) return {};
  const Error error = base::CannotWrite(path_).value();
  const off_t end = lseek(fd_, 0, SEEK_END);
  // Where even this fails, the next Open cuts the torn line.
  if (written > 0 && end >= 0) {
    static_cast<void>(!ftruncate(fd_, end - static_cast<off_t>(written)));
  }
  return tl::unexpected(error);
}

Result<std::vector<json>> ReadJsonLines(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, base::ReadFile(path));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<json> objects;
  size_t line_number = 0;
  for (size_t start = 0; start < text.size();) {
    ++line_number;
    const size_t newline = text.find('\n', start);
    const bool torn = newline == std::string_view::npos;
    const std::string_view line = text.substr(start, torn ? newline : newline - start);
    start = torn ? text.size() : newline + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    json object = ParseOrDiscard(line);
    if (object.is_object()) {
      objects.push_back(std::move(object));
    } else if (!torn) {
      return Corrupt(path + " line " + std::to_string(line_number) +
                     " is not a JSON object; mend or delete the line");
    }
  }
  return objects;
}

Status WriteJsonLines(const std::string& path, const std::vector<json>& objects) {
  std::string text;
  for (const json& object : objects) text += Line(object);
  return base::WriteFile(path, text);
}

Status WriteCsv(const std::string& path, const std::vector<std::string>& header,
                const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  AppendCsvRow(header, text);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].size() != header.size()) {
      return InvalidArgument(path + ": row " + std::to_string(i + 1) + " has " +
                             std::to_string(rows[i].size()) + " fields, its header has " +
                             std::to_string(header.size()));
    }
    AppendCsvRow(rows[i], text);
  }
  return base::WriteFile(path, text);
}

}  // namespace signum::report
