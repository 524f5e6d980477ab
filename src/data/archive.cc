#include "data/archive.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

namespace signum::data {

struct GzipReader::State {
  std::string path;
  gzFile file = nullptr;

  ~State() {
    if (file != nullptr) gzclose(file);
  }
};

GzipReader::GzipReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
GzipReader::GzipReader(GzipReader&&) noexcept = default;
GzipReader& GzipReader::operator=(GzipReader&&) noexcept = default;
GzipReader::~GzipReader() = default;

Result<GzipReader> GzipReader::Open(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return InvalidArgument(path + " is a folder; name a file");
  }
  auto state = std::make_unique<State>();
  state->path = path;
  errno = 0;
  state->file = gzopen(path.c_str(), "rb");
  if (state->file == nullptr) {
    if (errno == ENOENT) return NotFound(path + " does not exist; check the path");
    return IoError("cannot read " + path + ": " + std::strerror(errno));
  }
  gzbuffer(state->file, 1 << 18);
  return GzipReader(std::move(state));
}

Result<size_t> GzipReader::ReadSome(std::span<uint8_t> out) {
  constexpr size_t kMaxRead = size_t{1} << 30;
  size_t done = 0;
  while (done < out.size()) {
    const unsigned want = static_cast<unsigned>(std::min(out.size() - done, kMaxRead));
    const int n = gzread(state_->file, out.data() + done, want);
    if (n <= 0 || static_cast<unsigned>(n) < want) {
      int code = Z_OK;
      const char* reason = gzerror(state_->file, &code);
      if (code == Z_ERRNO) return IoError("cannot read " + state_->path + ": " + reason);
      if (code == Z_BUF_ERROR) return Corrupt(state_->path + " ends in the middle: it is cut off");
      if (code != Z_OK && code != Z_STREAM_END) {
        return Corrupt(state_->path + " is damaged: its gzip data does not decode");
      }
      return done + static_cast<size_t>(std::max(n, 0));
    }
    done += static_cast<size_t>(n);
  }
  return done;
}

Result<std::vector<uint8_t>> ReadGzipFile(const std::string& path, size_t max_bytes) {
  constexpr size_t kStep = size_t{4} << 20;
  SIGNUM_ASSIGN_OR_RETURN(GzipReader reader, GzipReader::Open(path));
  std::vector<uint8_t> bytes;
  for (;;) {
    const size_t before = bytes.size();
    bytes.resize(before + kStep);
    SIGNUM_ASSIGN_OR_RETURN(const size_t n, reader.ReadSome(std::span(bytes).subspan(before)));
    bytes.resize(before + n);
    if (bytes.size() > max_bytes) {
      return Fail(
          ErrorCode::kResourceExhausted,
          path + " holds more than the " + std::to_string(max_bytes) + " bytes that are read here");
    }
    if (n < kStep) return bytes;
  }
}

namespace {

constexpr size_t kTarBlock = 512;
using TarBlock = std::array<uint8_t, kTarBlock>;

std::string TarString(const TarBlock& block, size_t offset, size_t length) {
  const char* begin = reinterpret_cast<const char*>(block.data()) + offset;
  return std::string(begin, strnlen(begin, length));
}

// An octal number, padded with spaces or ended by NUL; -1 where it is not one.
int64_t TarNumber(const TarBlock& block, size_t offset, size_t length) {
  const std::string digits = TarString(block, offset, length);
  int64_t value = 0;
  bool any = false;
  for (const char c : digits) {
    if (c == ' ' && !any) continue;
    if (c == ' ') break;
    if (c < '0' || c > '7') return -1;
    value = value * 8 + (c - '0');
    any = true;
  }
  return any ? value : -1;
}

// The sum of the header's bytes, its own field counted as spaces (POSIX.1, pax).
int64_t TarChecksum(const TarBlock& block) {
  int64_t sum = 0;
  for (size_t i = 0; i < kTarBlock; ++i) sum += i >= 148 && i < 156 ? ' ' : block[i];
  return sum;
}

struct TarHeader {
  std::string name;
  int64_t bytes = 0;
  bool regular = false;
};

Result<TarHeader> ParseTarHeader(const TarBlock& block, const std::string& path) {
  if (TarNumber(block, 148, 8) != TarChecksum(block)) {
    return Corrupt(path + " is not a tar archive, or is damaged: a header's checksum is wrong");
  }
  TarHeader header;
  header.bytes = TarNumber(block, 124, 12);
  if (header.bytes < 0) return Corrupt(path + " is damaged: a header's size is not a number");
  header.name = TarString(block, 0, 100);
  const bool ustar = TarString(block, 257, 6).substr(0, 5) == "ustar";
  // GNU tar's own format ("ustar  ") has no prefix field.
  const std::string prefix = ustar && block[262] == 0 ? TarString(block, 345, 155) : "";
  if (!prefix.empty()) header.name = prefix + "/" + header.name;
  const char type = static_cast<char>(block[156]);
  header.regular = type == '0' || type == '\0';
  // Links, devices and folders (1 to 6) have no contents, whatever the size says.
  if (type >= '1' && type <= '6') header.bytes = 0;
  return header;
}

Status CutOff(const std::string& path) {
  return Corrupt(path + " ends in the middle: it is cut off");
}

Status SkipBytes(GzipReader& reader, int64_t bytes, const std::string& path) {
  std::vector<uint8_t> scratch(static_cast<size_t>(std::min<int64_t>(bytes, 1 << 20)));
  while (bytes > 0) {
    const size_t want = static_cast<size_t>(std::min<int64_t>(bytes, 1 << 20));
    SIGNUM_ASSIGN_OR_RETURN(const size_t n, reader.ReadSome(std::span(scratch).first(want)));
    if (n < want) return CutOff(path);
    bytes -= static_cast<int64_t>(n);
  }
  return {};
}

// Reads what follows the archive's end mark, so that gzip's checksum is verified.
Status Drain(GzipReader& reader) {
  TarBlock block;
  for (;;) {
    SIGNUM_ASSIGN_OR_RETURN(const size_t n, reader.ReadSome(block));
    if (n < block.size()) return {};
  }
}

}  // namespace

Status ReadTar(
    const std::string& path, size_t max_file_bytes,
    const std::function<bool(const std::string& name, int64_t bytes)>& wants,
    const std::function<Status(const std::string& name, std::vector<uint8_t> contents)>& take) {
  SIGNUM_ASSIGN_OR_RETURN(GzipReader reader, GzipReader::Open(path));
  TarBlock block;
  for (;;) {
    SIGNUM_ASSIGN_OR_RETURN(const size_t n, reader.ReadSome(block));
    if (n < block.size()) return CutOff(path);
    if (std::all_of(block.begin(), block.end(), [](uint8_t b) { return b == 0; })) {
      return Drain(reader);
    }
    SIGNUM_ASSIGN_OR_RETURN(const TarHeader header, ParseTarHeader(block, path));
    const int64_t rounded = (header.bytes + 511) / 512 * 512;
    if (!header.regular || !wants(header.name, header.bytes)) {
      SIGNUM_RETURN_IF_ERROR(SkipBytes(reader, rounded, path));
      continue;
    }
    if (static_cast<size_t>(header.bytes) > max_file_bytes) {
      return Fail(ErrorCode::kResourceExhausted,
                  header.name + " in " + path + " has " + std::to_string(header.bytes) +
                      " bytes; at most " + std::to_string(max_file_bytes) + " are read here");
    }
    std::vector<uint8_t> contents(static_cast<size_t>(header.bytes));
    SIGNUM_ASSIGN_OR_RETURN(const size_t got, reader.ReadSome(contents));
    if (got < contents.size()) return CutOff(path);
    SIGNUM_RETURN_IF_ERROR(SkipBytes(reader, rounded - header.bytes, path));
    SIGNUM_RETURN_IF_ERROR(take(header.name, std::move(contents)));
  }
}

}  // namespace signum::data
