// Compressed files and archives, read in order and bounded: gzip and ustar.
// Writes nothing, and knows nothing of datasets.
#ifndef SIGNUM_DATA_ARCHIVE_H_
#define SIGNUM_DATA_ARCHIVE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "signum/result.h"

namespace signum::data {

// Reads a gzip file's contents in order; a file that is not compressed is read as
// it is. Errors name the file and, where it ends early, say so.
class GzipReader {
 public:
  static Result<GzipReader> Open(const std::string& path);
  GzipReader(GzipReader&&) noexcept;
  GzipReader& operator=(GzipReader&&) noexcept;
  ~GzipReader();

  // Fills as much of `out` as there is left and returns how many bytes that was.
  // At the end of the file its checksum has been verified. kCorrupt, kIo.
  Result<size_t> ReadSome(std::span<uint8_t> out);

 private:
  struct State;
  explicit GzipReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The whole contents of a file that may be gzip-compressed; kResourceExhausted
// where they are more than `max_bytes`.
Result<std::vector<uint8_t>> ReadGzipFile(const std::string& path, size_t max_bytes);

// Goes through a .tar or .tar.gz in order, to its end. For each regular file,
// `wants(name, bytes)` says whether to read it; if so, `take(name, contents)`
// gets it, and an error of `take` ends the walk. Names come as the archive has
// them: never use one as a path. Links, devices and folders are passed over.
// kCorrupt where a header or the end is broken; kResourceExhausted where a wanted
// file is larger than `max_file_bytes`.
Status ReadTar(
    const std::string& path, size_t max_file_bytes,
    const std::function<bool(const std::string& name, int64_t bytes)>& wants,
    const std::function<Status(const std::string& name, std::vector<uint8_t> contents)>& take);

}  // namespace signum::data

#endif  // SIGNUM_DATA_ARCHIVE_H_
