#include "format/zip_archive.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <utility>

#include "format/sgn_wire.h"

namespace signum::format {
namespace {

// Frees what libzip hands out.
struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* record) const { zip_fclose(record); }
};

tl::unexpected<Error> Damaged(const std::string& name, const std::string& how) {
  return Corrupt(fmt::format("its record '{}' {}", Printable(name), how) + kCopyAgain);
}

}  // namespace

struct ZipArchive::State {
  std::unique_ptr<zip_t, Discard> archive;
};

ZipArchive::ZipArchive(std::unique_ptr<State> state, size_t bytes)
    : state_(std::move(state)), budget_(bytes) {}
ZipArchive::ZipArchive(ZipArchive&&) noexcept = default;
ZipArchive& ZipArchive::operator=(ZipArchive&&) noexcept = default;
ZipArchive::~ZipArchive() = default;

Result<ZipArchive> ZipArchive::Open(std::span<const uint8_t> bytes) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* opened = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error);
  const std::string reason = opened == nullptr ? zip_error_strerror(&error) : "";
  zip_error_fini(&error);
  if (opened == nullptr) {
    if (source != nullptr) zip_source_free(source);
    return Corrupt(
        fmt::format("truncated or damaged: as a zip archive it says '{}'{}", reason, kCopyAgain));
  }
  auto state = std::make_unique<State>();
  state->archive.reset(opened);
  ZipArchive archive(std::move(state), bytes.size());
  const auto count =
      static_cast<uint64_t>(std::max<zip_int64_t>(0, zip_get_num_entries(opened, 0)));
  for (uint64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(opened, i, ZIP_FL_ENC_RAW);
    if (name == nullptr) return Damaged(fmt::format("#{}", i), "has no name");
    if (!archive.records_.emplace(name, i).second) return Damaged(name, "is there twice");
  }
  return archive;
}

Result<std::vector<uint8_t>> ZipArchive::Read(const std::string& name, size_t max_bytes) {
  const auto record = records_.find(name);
  if (record == records_.end()) return Corrupt(fmt::format("has no record '{}'", Printable(name)));
  zip_t* archive = state_->archive.get();
  zip_stat_t facts;
  if (zip_stat_index(archive, record->second, 0, &facts) != 0) return Damaged(name, "is broken");
  if ((facts.valid & ZIP_STAT_COMP_METHOD) == 0 || facts.comp_method != ZIP_CM_STORE) {
    return Unsupported(
        fmt::format("its record '{}' is compressed, as PyTorch writes none; save it "
                    "again with torch.save",
                    Printable(name)));
  }
  const std::unique_ptr<zip_file_t, Discard> file(zip_fopen_index(archive, record->second, 0));
  if (file == nullptr) return Damaged(name, fmt::format("is broken ({})", zip_strerror(archive)));
  std::vector<uint8_t> bytes;
  constexpr size_t kChunk = size_t{1} << 20;
  const size_t most = std::min(max_bytes, budget_);
  for (;;) {
    // One more than may be there tells that there is more, and at the end has
    // libzip check the checksum.
    const size_t done = bytes.size();
    bytes.resize(done + std::min(kChunk, most - done + 1));
    const zip_int64_t got = zip_fread(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0) {
      return Damaged(name, fmt::format("is damaged ({})", zip_file_strerror(file.get())));
    }
    bytes.resize(done + static_cast<size_t>(got));
    if (got == 0) break;
    if (bytes.size() > most) return Damaged(name, fmt::format("has more than {} bytes", most));
  }
  budget_ -= bytes.size();
  return bytes;
}

Result<std::vector<uint8_t>> ZipArchive::ReadExactly(const std::string& name, size_t size) {
  if (size > budget_) {
    return Damaged(name, fmt::format("should have {} bytes, more than the file has left", size));
  }
  SIGNUM_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, Read(name, size));
  if (bytes.size() != size) {
    return Damaged(name, fmt::format("has {} bytes, expected {}", bytes.size(), size));
  }
  return bytes;
}

}  // namespace signum::format
