// For tests: makes writes fail as a full disk does, by the process's file size limit.
// Knows no format.
#ifndef SIGNUM_REPORT_FILE_SIZE_LIMIT_H_
#define SIGNUM_REPORT_FILE_SIZE_LIMIT_H_

#include <sys/resource.h>

#include <csignal>

namespace signum::report {

// While it lives, no file can grow beyond `bytes`: a write up to there is cut
// short, the next one fails with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace signum::report

#endif  // SIGNUM_REPORT_FILE_SIZE_LIMIT_H_
