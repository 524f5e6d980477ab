#include <fcntl.h>
#include <fmt/format.h>
#include <onnx/onnx_pb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "onnx/tensor_proto.h"

namespace signum::onnx {
namespace {

namespace fs = std::filesystem;
using ::onnx::TensorProto;

// Of one tensor; as base::ReadFile reads of one file.
constexpr int64_t kMostBytes = int64_t{8} << 30;

// Where a tensor's data lies: ONNX's ExternalData.md.
struct Stretch {
  std::string location;
  int64_t offset = 0;
  std::optional<int64_t> length;
};

Result<int64_t> ParseNumber(const std::string& key, const std::string& text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 0) {
    return Corrupt(
        fmt::format("external data has the {} '{}', which is no number of bytes", key, text));
  }
  return number;
}

Result<Stretch> ParseStretch(const TensorProto& tensor) {
  Stretch stretch;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") {
      stretch.location = entry.value();
    } else if (entry.key() == "offset") {
      SIGNUM_ASSIGN_OR_RETURN(stretch.offset, ParseNumber("offset", entry.value()));
    } else if (entry.key() == "length") {
      SIGNUM_ASSIGN_OR_RETURN(stretch.length, ParseNumber("length", entry.value()));
    }  // "checksum" is not checked; the rest is not ONNX's
  }
  if (stretch.location.empty()) return Corrupt("external data names no location");
  return stretch;
}

// The path of `location`, without links, where that lies inside the folder.
Result<std::string> Locate(const std::string& folder, const std::string& location) {
  const fs::path relative(location);
  const auto outside = [&](const char* reason) {
    return InvalidArgument(
        fmt::format("external data in '{}' {}; it may lie only in the model's folder or below it",
                    location, reason));
  };
  if (folder.empty()) return outside("has no folder to be looked for in");
  if (location.find('\0') != std::string::npos)
    return Corrupt("external data's location has a NUL");
  if (relative.is_absolute()) return outside("is an absolute path");
  if (std::find(relative.begin(), relative.end(), "..") != relative.end()) {
    return outside("leads upwards");
  }
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) return IoError("cannot read the folder " + folder + ": " + error.message());
  const fs::path path = fs::weakly_canonical(root / relative, error);
  if (error) return IoError("cannot read " + (root / relative).string() + ": " + error.message());
  if (std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first != root.end()) {
    return outside("is a link that leaves the folder");
  }
  return path.string();
}

// `length` bytes of the file at `path`, from `offset`.
Result<std::string> ReadStretch(const std::string& path, int64_t offset, int64_t length) {
  const auto failed = [&] { return IoError("cannot read " + path + ": " + std::strerror(errno)); };
  // Without links, which Locate has resolved, and without waiting for a pipe's writer.
  const base::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0 && errno == ENOENT) {
    return NotFound("external data: " + path + " does not exist; keep it beside the model");
  }
  struct stat status;
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return failed();
  if (!S_ISREG(status.st_mode)) return InvalidArgument("external data: " + path + " is no file");
  if (offset > status.st_size || length > status.st_size - offset) {
    return Corrupt(fmt::format(
        "external data: bytes {} to {} lie beyond the {} bytes of {}", offset,
        static_cast<uint64_t>(offset) + static_cast<uint64_t>(length), status.st_size, path));
  }
  std::string bytes(static_cast<size_t>(length), '\0');
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = pread(file.get(), bytes.data() + done, bytes.size() - done,
                            offset + static_cast<int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed();
    if (n == 0) return IoError(path + " became shorter while it was read");
    done += static_cast<size_t>(n);
  }
  return bytes;
}

}  // namespace

bool HasExternalData(const TensorProto& tensor) {
  return tensor.data_location() == TensorProto::EXTERNAL;
}

Status ReadExternalData(const std::string& folder, TensorProto& tensor) {
  if (!HasExternalData(tensor)) return {};
  SIGNUM_ASSIGN_OR_RETURN(const Stretch stretch, ParseStretch(tensor));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t needed, RawBytes(tensor));
  if (stretch.length.value_or(needed) != needed) {
    return Corrupt(fmt::format("external data in '{}' is {} bytes long; the tensor needs {}",
                               stretch.location, *stretch.length, needed));
  }
  if (needed > kMostBytes) {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("external data in '{}' is {} bytes long; at most {} are read",
                            stretch.location, needed, kMostBytes));
  }
  SIGNUM_ASSIGN_OR_RETURN(const std::string path, Locate(folder, stretch.location));
  SIGNUM_ASSIGN_OR_RETURN(std::string bytes, ReadStretch(path, stretch.offset, needed));
  tensor.set_raw_data(std::move(bytes));
  tensor.clear_external_data();
  tensor.clear_data_location();
  return {};
}

}  // namespace signum::onnx
