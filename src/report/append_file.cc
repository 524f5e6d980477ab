#include "report/append_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace signum::report {

bool AppendBytes(int fd, std::string_view bytes, size_t& written) {
  written = 0;
  while (written < bytes.size()) {
    const ssize_t n = write(fd, bytes.data() + written, bytes.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    written += static_cast<size_t>(n);
  }
  return true;
}

Error CannotAppend(const std::string& path) {
  const int reason = errno;
  std::string advice;
  if (reason == ENOSPC || reason == EDQUOT) advice = "; free some space and try again";
  if (reason == EROFS || reason == EACCES) advice = "; choose a folder that you may write to";
  if (reason == ENOENT) advice = "; create its folder first";
  if (reason == EISDIR) advice = "; name a file";
  return {ErrorCode::kIo, "cannot write " + path + ": " + std::strerror(reason) + advice};
}

}  // namespace signum::report
