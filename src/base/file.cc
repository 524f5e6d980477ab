#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <system_error>

namespace signum::base {
namespace {

std::string Reason() { return std::strerror(errno); }

const char* Advice(int reason) {
  switch (reason) {
    case ENOSPC:
    case EDQUOT: return "; free some space and try again";
    case EFBIG: return "; raise the limit on the size of files (ulimit -f)";
    case EROFS:
    case EACCES:
    case EPERM: return "; choose a folder that you may write to";
    case ENOENT: return "; create its folder first";
    case ENOTDIR:
    case EISDIR: return "; choose another name";
    default: return "";
  }
}

Status WriteAll(const std::string& temporary, const std::string& path,
                std::span<const uint8_t> bytes) {
  Descriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) return CannotWrite(path);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return CannotWrite(path);
    done += static_cast<size_t>(n);
  }
  return {};
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

tl::unexpected<Error> CannotWrite(const std::string& path) {
  const int reason = errno;
  return IoError("cannot write " + path + ": " + std::strerror(reason) + Advice(reason));
}

std::string UserFolder(const char* variable, const char* below_home) {
  const auto folder = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  if (const auto own = folder(variable); !own.empty()) return (own / "signum").string();
  if (const auto home = folder("HOME"); !home.empty()) {
    return (home / below_home / "signum").string();
  }
  return "";
}

namespace internal {

Status CheckReplaceable(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return {};
  if (S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    return CannotWrite(path);
  }
  return IoError("cannot write " + path + ": it is a device or a pipe; choose another name");
}

std::string TemporaryBeside(const std::string& path) {
  // Threads of a process, and processes of one number in different containers, may write the
  // same file at the same time.
  static const std::string process =
      std::to_string(getpid()) + "-" + std::to_string(std::random_device()());
  static std::atomic<unsigned> count = 0;
  return path + ".partial-" + process + "-" + std::to_string(count++);
}

Status FlushAndRename(const std::string& temporary, const std::string& path) {
  {
    Descriptor file(open(temporary.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0 || fsync(file.get()) != 0) return CannotWrite(path);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return CannotWrite(path);
  return {};
}

void Remove(const std::string& path) { unlink(path.c_str()); }

}  // namespace internal

Result<std::vector<uint8_t>> ReadFile(const std::string& path, size_t max_bytes) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return NotFound(path + " does not exist; check the path");
    return IoError("cannot read " + path + ": " + Reason());
  }
  struct stat status;
  if (fstat(file.get(), &status) != 0) return IoError("cannot read " + path + ": " + Reason());
  if (S_ISDIR(status.st_mode)) return InvalidArgument(path + " is a folder; name a file");
  if (static_cast<size_t>(status.st_size) > max_bytes) {
    return Fail(ErrorCode::kResourceExhausted, path + " has " + std::to_string(status.st_size) +
                                                   " bytes; at most " + std::to_string(max_bytes) +
                                                   " are read here");
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(status.st_size));
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = read(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("cannot read " + path + ": " + Reason());
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

Status WriteFile(const std::string& path, std::span<const uint8_t> bytes) {
  return WriteFileThrough(
      path, [&](const std::string& temporary) { return WriteAll(temporary, path, bytes); });
}

Status WriteFile(const std::string& path, std::string_view text) {
  return WriteFile(path, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

Status CheckCanWrite(const std::string& path) {
  SIGNUM_RETURN_IF_ERROR(internal::CheckReplaceable(path));
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0) return CannotWrite(path);
  return {};
}

Status MakeFolders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return IoError("cannot create the folder " + path + ": " + error.message() +
                   Advice(error.value()));
  }
  return {};
}

}  // namespace signum::base
