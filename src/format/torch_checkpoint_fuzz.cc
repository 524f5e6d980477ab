// Fuzz target: the reader of PyTorch checkpoints, of both formats, and what `signum
// import` does with what it returns. A mutation of a zip archive is mostly one of a
// record's contents or name, with the archive's checksums as they then must be.
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "format/mutation_fuzz.h"
#include "format/properties_fuzz.h"
#include "format/test_allocations.h"
#include "format/test_torch_files.h"
#include "format/torch_checkpoint.h"
#include "format/zip_archive.h"

using signum::Result;
using signum::TensorFile;

namespace signum::format {
namespace {

std::string MutatedText(const std::string& text) {
  const std::vector<uint8_t> mutated = Mutated(ToBytes(text));
  return {mutated.begin(), mutated.end()};
}

// Empty where the bytes are no archive that can be read.
std::vector<uint8_t> MutatedArchive(std::span<const uint8_t> bytes, unsigned int seed) {
  Result<ZipArchive> archive = ZipArchive::Open(bytes);
  if (!archive || archive->records().empty()) return {};
  std::vector<std::pair<std::string, std::string>> records;
  for (const auto& [name, index] : archive->records()) {
    const Result<std::vector<uint8_t>> contents = archive->Read(name, bytes.size());
    if (!contents) return {};
    records.emplace_back(name, std::string(contents->begin(), contents->end()));
  }
  const bool pickle = seed % 2 == 0;
  size_t chosen = seed / 16 % records.size();
  for (size_t i = 0; pickle && i < records.size(); ++i) {
    if (records[i].first.ends_with("data.pkl")) chosen = i;
  }
  auto& [name, contents] = records[chosen];
  std::string& part = !pickle && seed % 4 == 1 ? name : contents;
  part = MutatedText(part);
  return ToBytes(ZipOf(records));
}

}  // namespace
}  // namespace signum::format

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  signum::format::ResetPeak();
  const Result<TensorFile> file = signum::ParseTorchCheckpoint(std::move(bytes));
  // As in foreign_damage_test.cc.
  SIGNUM_CHECK(signum::format::PeakBytes() <= 256 * size + (size_t{4} << 20));
  if (file) {
    signum::format::CheckTensors(*file);
    signum::format::CheckImport(*file);
  } else {
    signum::format::CheckMessage(file.error());
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  std::vector<uint8_t> mutated;
  if (seed % 8 != 7) mutated = signum::format::MutatedArchive({data, size}, seed);
  if (mutated.empty()) return LLVMFuzzerMutate(data, size, max_size);
  return signum::format::Put(mutated, data, size, max_size);
}
