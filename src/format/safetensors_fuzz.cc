// Fuzz target: the reader of safetensors files, the Graph in their metadata, and what
// `signum import` does with a file that has none. A mutation is mostly one of the
// header, whose length is then stated as it is, or of the Graph, sealed anew.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "format/base64.h"
#include "format/mutation_fuzz.h"
#include "format/properties_fuzz.h"
#include "format/safetensors.h"
#include "format/test_allocations.h"
#include "format/test_seal.h"

using signum::Graph;
using signum::Result;
using signum::TensorFile;

namespace signum::format {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr std::string_view kGraphField = R"("signum.graph":")";

// A file of this header and data.
std::vector<uint8_t> FileOf(std::string_view header, std::span<const uint8_t> data) {
  std::vector<uint8_t> bytes;
  for (size_t shift = 0; shift < 8 * kLengthBytes; shift += 8) {
    bytes.push_back(static_cast<uint8_t>(uint64_t{header.size()} >> shift));
  }
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

// The header with its Graph mutated; nothing where it has none.
std::optional<std::string> MutatedGraph(std::string_view header) {
  const size_t field = header.find(kGraphField);
  if (field == std::string_view::npos) return {};
  const size_t begin = field + kGraphField.size(), end = header.find('"', begin);
  if (end == std::string_view::npos) return {};
  const auto graph = FromBase64(header.substr(begin, end - begin));
  if (!graph) return {};
  std::vector<uint8_t> mutated = Mutated(*graph);
  Reseal(mutated);
  return std::string(header.substr(0, begin)) + ToBase64(mutated) + std::string(header.substr(end));
}

std::string MutatedHeader(std::string_view header) {
  const std::vector<uint8_t> mutated =
      Mutated({reinterpret_cast<const uint8_t*>(header.data()), header.size()});
  return {mutated.begin(), mutated.end()};
}

// Empty where the bytes have no header.
std::vector<uint8_t> MutatedFile(std::span<const uint8_t> bytes, unsigned int seed) {
  if (!IsSafetensors(bytes)) return {};
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= uint64_t{bytes[i]} << (8 * i);
  if (length > bytes.size() - kLengthBytes) return {};
  const auto data = bytes.subspan(kLengthBytes + length);
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  if (seed % 8 == 0) return FileOf(header, Mutated(data));
  if (seed % 2 == 0) {
    if (const auto mutated = MutatedGraph(header)) return FileOf(*mutated, data);
  }
  return FileOf(MutatedHeader(header), data);
}

}  // namespace
}  // namespace signum::format

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  signum::format::ResetPeak();
  const Result<TensorFile> file = signum::ParseSafetensors(std::move(bytes));
  std::optional<Result<Graph>> graph;
  if (file && signum::HasGraph(*file)) graph = signum::GraphOf(*file);
  // As in foreign_damage_test.cc.
  SIGNUM_CHECK(signum::format::PeakBytes() <= 256 * size + (size_t{4} << 20));
  if (!file) {
    signum::format::CheckMessage(file.error());
    return 0;
  }
  signum::format::CheckTensors(*file);
  if (!graph) {
    signum::format::CheckImport(*file);
  } else if (!*graph) {
    signum::format::CheckMessage(graph->error());
  } else {
    signum::format::CheckReadGraph(**graph);
    const Result<TensorFile> again =
        signum::ParseSafetensors(signum::SerializeSafetensors(**graph));
    SIGNUM_CHECK(again.has_value() && signum::HasGraph(*again));
    const Result<Graph> same = signum::GraphOf(*again);
    SIGNUM_CHECK(same.has_value() && *same == **graph);
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  std::vector<uint8_t> mutated;
  if (seed % 16 != 15) mutated = signum::format::MutatedFile({data, size}, seed);
  if (mutated.empty()) return LLVMFuzzerMutate(data, size, max_size);
  return signum::format::Put(mutated, data, size, max_size);
}
