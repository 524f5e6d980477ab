#include "report/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "base/file.h"
#include "report/append_file.h"
#include "report/crc32c.h"

namespace signum::report {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr int kHistogramBins = 64;
constexpr int kMaxNameTries = 1000;

// Protocol Buffers' wire types (protobuf.dev/programming-guides/encoding).
enum class Wire { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void PutFixed32(uint32_t value, std::string& out) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift & 0xff);
}

void PutFixed64(uint64_t value, std::string& out) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(value >> shift & 0xff);
}

void PutVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  out += static_cast<char>(value);
}

void PutKey(int field, Wire wire, std::string& out) {
  PutVarint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire), out);
}

void PutDouble(int field, double value, std::string& out) {
  PutKey(field, Wire::kFixed64, out);
  PutFixed64(std::bit_cast<uint64_t>(value), out);
}

void PutBytes(int field, const std::string& bytes, std::string& out) {
  PutKey(field, Wire::kBytes, out);
  PutVarint(bytes.size(), out);
  out += bytes;
}

void PutPackedDoubles(int field, const std::vector<double>& values, std::string& out) {
  std::string packed;
  for (double value : values) PutFixed64(std::bit_cast<uint64_t>(value), packed);
  PutBytes(field, packed, out);
}

// Event: wall_time = 1, step = 2; the caller adds file_version = 3 or summary = 5.
std::string EventHead(int64_t step, double wall_time_seconds) {
  std::string event;
  PutDouble(1, wall_time_seconds, event);
  PutKey(2, Wire::kVarint, event);
  PutVarint(static_cast<uint64_t>(step), event);
  return event;
}

// Summary.Value: tag = 1, simple_value = 2.
std::string ScalarValue(const std::string& tag, float value) {
  std::string out;
  PutBytes(1, tag, out);
  PutKey(2, Wire::kFixed32, out);
  PutFixed32(std::bit_cast<uint32_t>(value), out);
  return out;
}

// HistogramProto: min, max, num, sum, sum_squares = 1..5, bucket_limit = 6,
// bucket = 7. A bucket reaches from the limit before it to its own; the first
// would reach from minus infinity, so an empty one ends at the least value.
std::string Histogram(const std::vector<float>& values) {
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  const double low = *least;
  const double high = *greatest > *least ? *greatest : low + std::max(1e-6, std::abs(low) * 1e-6);
  double sum = 0;
  double sum_squares = 0;
  std::vector<double> limits = {low};
  std::vector<double> counts(kHistogramBins + 1, 0.0);
  for (int i = 1; i <= kHistogramBins; ++i)
    limits.push_back(low + (high - low) * i / kHistogramBins);
  for (float value : values) {
    sum += value;
    sum_squares += static_cast<double>(value) * value;
    const auto bin = static_cast<int>((value - low) / (high - low) * kHistogramBins);
    ++counts[static_cast<size_t>(std::clamp(bin, 0, kHistogramBins - 1)) + 1];
  }
  std::string out;
  PutDouble(1, *least, out);
  PutDouble(2, *greatest, out);
  PutDouble(3, static_cast<double>(values.size()), out);
  PutDouble(4, sum, out);
  PutDouble(5, sum_squares, out);
  PutPackedDoubles(6, limits, out);
  PutPackedDoubles(7, counts, out);
  return out;
}

std::string HostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "host";
  std::string host = name;
  std::replace(host.begin(), host.end(), '/', '_');
  return host;
}

}  // namespace

double WallTimeSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<EventFile> EventFile::Open(const std::string& folder) {
  SIGNUM_RETURN_IF_ERROR(base::MakeFolders(folder));
  const double now = WallTimeSeconds();
  const std::string stem = folder + "/events.out.tfevents." +
                           std::to_string(static_cast<int64_t>(now)) + "." + HostName();
  std::string path = stem;
  int fd = -1;
  for (int i = 1; i < kMaxNameTries; ++i) {
    fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) break;
    path = stem + "." + std::to_string(i);
  }
  if (fd < 0) return base::CannotWrite(path);
  EventFile file(path, fd);
  std::string event = EventHead(0, now);
  PutBytes(3, "brain.Event:2", event);
  SIGNUM_RETURN_IF_ERROR(file.AddRecord(event));
  SIGNUM_RETURN_IF_ERROR(file.Flush());
  return file;
}

EventFile::EventFile(EventFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)) {}

EventFile& EventFile::operator=(EventFile&& other) noexcept {
  if (this == &other) return *this;
  Close();
  path_ = std::move(other.path_);
  fd_ = std::exchange(other.fd_, -1);
  buffer_ = std::move(other.buffer_);
  return *this;
}

EventFile::~EventFile() { Close(); }

void EventFile::Close() {
  if (fd_ < 0) return;
  static_cast<void>(Flush());
  close(fd_);
  fd_ = -1;
}

Status EventFile::AddScalars(int64_t step, double wall_time_seconds,
                             const std::vector<std::pair<std::string, float>>& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars) PutBytes(1, ScalarValue(tag, value), summary);
  std::string event = EventHead(step, wall_time_seconds);
  PutBytes(5, summary, event);
  return AddRecord(event);
}

Status EventFile::AddHistogram(int64_t step, double wall_time_seconds, const std::string& tag,
                               std::span<const float> values) {
  std::vector<float> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](float value) { return std::isfinite(value); });
  if (finite.empty()) {
    return InvalidArgument("the histogram " + tag + " has no finite value to show; leave it out");
  }
  std::string value;
  PutBytes(1, tag, value);
  PutBytes(5, Histogram(finite), value);  // Summary.Value: histo = 5
  std::string summary;
  PutBytes(1, value, summary);
  std::string event = EventHead(step, wall_time_seconds);
  PutBytes(5, summary, event);
  return AddRecord(event);
}

// TFRecord: length (8 bytes), its masked CRC (4), the bytes, their masked CRC (4).
Status EventFile::AddRecord(const std::string& event) {
  // Flushing before rather than after keeps the buffer bounded on a full disk.
  if (buffer_.size() >= kBufferBytes) SIGNUM_RETURN_IF_ERROR(Flush());
  std::string length;
  PutFixed64(event.size(), length);
  buffer_ += length;
  PutFixed32(MaskedCrc32c(length), buffer_);
  buffer_ += event;
  PutFixed32(MaskedCrc32c(event), buffer_);
  return {};
}

Status EventFile::Flush() {
  size_t written = 0;
  const bool whole = AppendBytes(fd_, buffer_, written);
  const int reason = errno;
  buffer_.erase(0, written);
  errno = reason;
  if (!whole) return base::CannotWrite(path_);
  return {};
}

}  // namespace signum::report
