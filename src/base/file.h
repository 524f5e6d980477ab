// Files read whole and written whole. A write goes to a temporary file beside
// its target and is renamed over it, so that a full disk or a killed process
// leaves the old file as it was. Knows no format.
#ifndef SIGNUM_BASE_FILE_H_
#define SIGNUM_BASE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "signum/result.h"

namespace signum::base {

// The bytes of the file at `path`. kNotFound, kIo, or kResourceExhausted where
// it is larger than `max_bytes`; the message names the path.
Result<std::vector<uint8_t>> ReadFile(const std::string& path, size_t max_bytes = size_t{8} << 30);

// Replaces the file at `path` by `bytes`: written beside, flushed to the disk,
// renamed. On an error nothing is left behind and the old file stands. What is there
// and is no file (a device, a pipe) is refused.
Status WriteFile(const std::string& path, std::span<const uint8_t> bytes);
Status WriteFile(const std::string& path, std::string_view text);

// Writes a file through a callback that is handed the temporary path, with the
// same guarantee; for libraries that insist on opening the file themselves.
template <typename WriteTo>
Status WriteFileThrough(const std::string& path, WriteTo&& write_to);

// Whether WriteFile(path) could succeed now, without writing anything: for long
// work that must not fail at its end.
Status CheckCanWrite(const std::string& path);

// A user's own folder of Signum (XDG Base Directory Specification): `signum` in the folder that
// `variable` names ("XDG_CACHE_HOME"), else in `below_home` (".cache") of $HOME. Empty where
// neither variable is set.
std::string UserFolder(const char* variable, const char* below_home);

// Creates the folder and its parents. kIo names the folder and the reason.
Status MakeFolders(const std::string& path);

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// What errno says about writing `path`: kIo, with what to do about it.
tl::unexpected<Error> CannotWrite(const std::string& path);

namespace internal {
Status CheckReplaceable(const std::string& path);
std::string TemporaryBeside(const std::string& path);
Status FlushAndRename(const std::string& temporary, const std::string& path);
void Remove(const std::string& path);
}  // namespace internal

template <typename WriteTo>
Status WriteFileThrough(const std::string& path, WriteTo&& write_to) {
  SIGNUM_RETURN_IF_ERROR(internal::CheckReplaceable(path));
  const std::string temporary = internal::TemporaryBeside(path);
  Status written = write_to(temporary);
  if (written) written = internal::FlushAndRename(temporary, path);
  if (!written) internal::Remove(temporary);
  return written;
}

}  // namespace signum::base

#endif  // SIGNUM_BASE_FILE_H_
