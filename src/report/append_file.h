// Bytes added to the end of an open file: what event files and JSON lines share. Knows no format.
#ifndef SIGNUM_REPORT_APPEND_FILE_H_
#define SIGNUM_REPORT_APPEND_FILE_H_

#include <cstddef>
#include <string_view>

namespace signum::report {

// Writes all of `bytes` to `fd`. On false, errno tells why; `written` tells how
// many bytes arrived in either case.
bool AppendBytes(int fd, std::string_view bytes, size_t& written);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_APPEND_FILE_H_
