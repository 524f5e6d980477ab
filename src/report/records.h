// Records on disk that other programs read: JSON lines, which grow while a task
// runs, and CSV, which is written whole. Knows no field names.
#ifndef SIGNUM_REPORT_RECORDS_H_
#define SIGNUM_REPORT_RECORDS_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "signum/result.h"

namespace signum::report {

// Appends one JSON object a line. Every line is handed to the operating system
// at once, so a killed process loses at most a part of the last line.
class JsonLinesFile {
 public:
  // Opens or creates the file at `path`; its folder must be there. A torn last
  // line, which a kill can leave, is cut off first. A file whose end does not look
  // like JSON lines is kCorrupt and stays as it is.
  static Result<JsonLinesFile> Open(const std::string& path);

  JsonLinesFile(JsonLinesFile&& other) noexcept;
  JsonLinesFile& operator=(JsonLinesFile&& other) noexcept;
  ~JsonLinesFile();

  // Numbers that are not finite become null, bytes that are not UTF-8 U+FFFD.
  // Where the disk is full the file is cut back to its last whole line.
  Status Append(const nlohmann::json& object);

  const std::string& path() const { return path_; }

 private:
  JsonLinesFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_ = -1;
};

// Every line of the file. Empty lines and a torn last line are passed over; any
// other line that is not a JSON object is kCorrupt, with its number.
Result<std::vector<nlohmann::json>> ReadJsonLines(const std::string& path);

// Replaces the file by these lines, whole or not at all; for a resumed run that
// drops the records past its checkpoint.
Status WriteJsonLines(const std::string& path, const std::vector<nlohmann::json>& objects);

// A CSV file as RFC 4180 has it: CRLF, and quotes where a field needs them.
// Replaces the file whole or not at all. A row of another length than the header
// is kInvalidArgument.
Status WriteCsv(const std::string& path, const std::vector<std::string>& header,
                const std::vector<std::vector<std::string>>& rows);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_RECORDS_H_
