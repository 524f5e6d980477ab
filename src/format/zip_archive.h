// Reads the records of a zip archive, for PyTorch checkpoints. Trusts no size that
// the archive states: a record is read up to the size that its reader expects,
// and all records together to no more than the archive has itself. Compressed
// records are refused: PyTorch writes none, so nothing here can unfold.
#ifndef SIGNUM_FORMAT_ZIP_ARCHIVE_H_
#define SIGNUM_FORMAT_ZIP_ARCHIVE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "signum/result.h"

namespace signum::format {

class ZipArchive {
 public:
  // `bytes` must outlive the archive.
  static Result<ZipArchive> Open(std::span<const uint8_t> bytes);
  ZipArchive(ZipArchive&&) noexcept;
  ZipArchive& operator=(ZipArchive&&) noexcept;
  ~ZipArchive();

  // The records by name. Names come as the archive has them: never use one as a path.
  const std::map<std::string, uint64_t>& records() const { return records_; }
  bool Has(const std::string& name) const { return records_.contains(name); }

  // The record `name`, which has up to `max_bytes`.
  Result<std::vector<uint8_t>> Read(const std::string& name, size_t max_bytes);
  // The record `name`, which has `size` bytes. Nothing is allocated where the
  // archive cannot hold as many.
  Result<std::vector<uint8_t>> ReadExactly(const std::string& name, size_t size);

 private:
  struct State;
  explicit ZipArchive(std::unique_ptr<State> state, size_t bytes);

  std::unique_ptr<State> state_;
  std::map<std::string, uint64_t> records_;  // their indices in the archive
  size_t budget_;                            // bytes that may still be read
};

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_ZIP_ARCHIVE_H_
