// Bytes added to the end of an open file, and the words for when that fails: what
// event files and JSON lines share. Knows no format.
#ifndef SIGNUM_REPORT_APPEND_FILE_H_
#define SIGNUM_REPORT_APPEND_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "signum/result.h"

namespace signum::report {

// Writes all of `bytes` to `fd`. On false, errno tells why; `written` tells how
// many bytes arrived in either case.
bool AppendBytes(int fd, std::string_view bytes, size_t& written);

// The error for errno at `path`: kIo, with what to do about it.
Error CannotAppend(const std::string& path);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_APPEND_FILE_H_
