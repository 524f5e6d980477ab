#include "format/torch_checkpoint.h"

#include <fmt/format.h>

#include <map>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "format/sgn_wire.h"
#include "format/torch_pickle.h"
#include "format/zip_archive.h"

namespace signum {
namespace format {
namespace {

using base::Pickle;
using base::PickleValue;
using Kind = PickleValue::Kind;

// How the format before zip starts, at pickle protocol 2 and above: the pickle of
// the number 0x1950a86a20f9469cfc6c.
constexpr std::string_view kMagic = "\x8a\x0al\xfc\x9c\x46\xf9 j\xa8\x50\x19.";
constexpr std::string_view kMagicNumber = kMagic.substr(2, 10);
constexpr int64_t kProtocolVersion = 1001;
constexpr std::string_view kZipMagic = "PK\x03\x04";

std::string_view Text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

tl::unexpected<Error> BigEndian() {
  return Unsupported(
      "was written on a big-endian machine, whose byte order is not read; load it there and save "
      "it on a little-endian one");
}

// The storages' bytes, by key, and who owns them.
using Storages = std::map<std::string, std::span<const uint8_t>>;

// Lets the tensors of `state` view their storages.
Result<TensorFile> Connect(StateDict state, const Storages& storages) {
  TensorFile file;
  file.kind = "PyTorch checkpoint";
  file.others = std::move(state.others);
  for (TensorEntry& entry : state.tensors) {
    const std::span<const uint8_t> bytes = storages.at(entry.storage.key);
    entry.tensor.data = bytes.subspan(static_cast<size_t>(entry.offset * entry.storage.type.bytes));
    file.tensors.push_back(std::move(entry.tensor));
  }
  return file;
}

// The folder that all records lie in, "archive/": the one with data.pkl.
Result<std::string> FindFolder(const ZipArchive& archive) {
  for (const auto& [name, index] : archive.records()) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash) != "/data.pkl") continue;
    const std::string folder = name.substr(0, slash + 1);
    if (archive.Has(folder + "constants.pkl")) {
      return Unsupported(
          "is a TorchScript archive, which holds code; save the weights alone: "
          "torch.save(model.state_dict(), FILE)");
    }
    return folder;
  }
  return Unsupported("is a zip archive without a data.pkl: no PyTorch checkpoint");
}

Result<TensorFile> ParseZip(std::vector<uint8_t> bytes) {
  SIGNUM_ASSIGN_OR_RETURN(ZipArchive archive, ZipArchive::Open(bytes));
  SIGNUM_ASSIGN_OR_RETURN(const std::string folder, FindFolder(archive));
  if (archive.Has(folder + "byteorder")) {
    SIGNUM_ASSIGN_OR_RETURN(const auto order, archive.Read(folder + "byteorder", 16));
    if (Text(order) == "big") return BigEndian();
    if (Text(order) != "little") {
      return Corrupt(fmt::format("has the unknown byte order '{}'", Printable(Text(order))) +
                     kCopyAgain);
    }
  }
  SIGNUM_ASSIGN_OR_RETURN(const auto data, archive.Read(folder + "data.pkl", bytes.size()));
  SIGNUM_ASSIGN_OR_RETURN(const Pickle pickle, ParseTorchPickle(data, "its data.pkl"));
  // Two tensors that share a storage must agree on it.
  SIGNUM_RETURN_IF_ERROR(ReadStorageIds(pickle, bytes.size()));
  SIGNUM_ASSIGN_OR_RETURN(StateDict state, ReadStateDict(pickle, bytes.size()));
  Storages storages;
  std::vector<std::vector<uint8_t>> contents;
  for (const TensorEntry& entry : state.tensors) {
    if (storages.contains(entry.storage.key)) continue;
    SIGNUM_ASSIGN_OR_RETURN(auto storage,
                            archive.ReadExactly(folder + "data/" + entry.storage.key,
                                                static_cast<size_t>(entry.storage.bytes())));
    contents.push_back(std::move(storage));
    storages.emplace(entry.storage.key, contents.back());
  }
  SIGNUM_ASSIGN_OR_RETURN(TensorFile file, Connect(std::move(state), storages));
  file.storages = std::move(contents);
  return file;
}

// Goes through the pickles and storages of the format before zip, in order.
class LegacyReader {
 public:
  explicit LegacyReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  // The number that marks the format, its version, and how the machine that wrote
  // it stores numbers.
  Status ReadHead() {
    SIGNUM_ASSIGN_OR_RETURN(const Pickle magic, Next("its first pickle"));
    const PickleValue& number = magic.at(magic.root);
    if (number.kind != Kind::kLong || number.bytes != kMagicNumber) {
      return Corrupt("does not start with PyTorch's magic number: no PyTorch checkpoint");
    }
    SIGNUM_ASSIGN_OR_RETURN(const Pickle version, Next("its version"));
    const PickleValue& protocol = version.at(version.root);
    if (protocol.kind != Kind::kInteger || protocol.integer != kProtocolVersion) {
      return Unsupported(fmt::format("is a checkpoint of protocol {}; {} is read", protocol.integer,
                                     kProtocolVersion));
    }
    SIGNUM_ASSIGN_OR_RETURN(const Pickle system, Next("its system information"));
    const PickleValue* little = system.Find(system.at(system.root), "little_endian");
    if (little == nullptr || little->kind != Kind::kInteger) {
      return Corrupt(std::string("does not tell its byte order") + kCopyAgain);
    }
    if (little->integer == 0) return BigEndian();
    return {};
  }

  Result<Pickle> Next(const std::string& name) {
    SIGNUM_ASSIGN_OR_RETURN(Pickle pickle, ParseTorchPickle(bytes_.subspan(at_), name));
    at_ += pickle.size;
    return pickle;
  }

  // The storages in the order that the list of their keys tells, each behind the
  // number of its elements.
  Result<Storages> ReadStorages(const Pickle& keys, const std::map<std::string, StorageId>& ids) {
    Storages storages;
    const PickleValue& list = keys.at(keys.root);
    if (list.kind != Kind::kList)
      return Corrupt(std::string("has no list of storages") + kCopyAgain);
    for (const int index : list.items) {
      const PickleValue& key = keys.at(index);
      const auto id = ids.find(key.kind == Kind::kBytes ? std::string(key.bytes) : "");
      if (id == ids.end()) {
        return Corrupt(fmt::format("has a storage '{}' that no tensor has", Printable(key.bytes)) +
                       kCopyAgain);
      }
      SIGNUM_ASSIGN_OR_RETURN(const auto bytes, ReadStorage(id->second));
      if (!storages.emplace(id->first, bytes).second) {
        return Corrupt(fmt::format("has the storage '{}' twice", Printable(key.bytes)) +
                       kCopyAgain);
      }
    }
    for (const auto& [key, id] : ids) {
      if (storages.contains(key)) continue;
      return Corrupt(fmt::format("lacks the storage '{}'", Printable(key)) + kCopyAgain);
    }
    return storages;
  }

 private:
  Result<std::span<const uint8_t>> ReadStorage(const StorageId& id) {
    const auto size = static_cast<size_t>(id.bytes());
    if (bytes_.size() - at_ < 8 || bytes_.size() - at_ - 8 < size) {
      return Corrupt(fmt::format("truncated: it ends within the storage '{}'", Printable(id.key)) +
                     kCopyAgain);
    }
    uint64_t elements = 0;
    for (size_t i = 0; i < 8; ++i) elements |= uint64_t{bytes_[at_ + i]} << (8 * i);
    if (elements != static_cast<uint64_t>(id.elements)) {
      return Corrupt(fmt::format("has {} elements in the storage '{}', expected {}", elements,
                                 Printable(id.key), id.elements) +
                     kCopyAgain);
    }
    const auto storage = bytes_.subspan(at_ + 8, size);
    at_ += 8 + size;
    return storage;
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

Result<TensorFile> ParseLegacy(std::vector<uint8_t> bytes) {
  LegacyReader reader(bytes);
  SIGNUM_RETURN_IF_ERROR(reader.ReadHead());
  SIGNUM_ASSIGN_OR_RETURN(const Pickle pickle, reader.Next("its pickle"));
  SIGNUM_ASSIGN_OR_RETURN(const auto ids, ReadStorageIds(pickle, bytes.size()));
  SIGNUM_ASSIGN_OR_RETURN(StateDict state, ReadStateDict(pickle, bytes.size()));
  SIGNUM_ASSIGN_OR_RETURN(const Pickle keys, reader.Next("its list of storages"));
  SIGNUM_ASSIGN_OR_RETURN(const Storages storages, reader.ReadStorages(keys, ids));
  SIGNUM_ASSIGN_OR_RETURN(TensorFile file, Connect(std::move(state), storages));
  // Moving a vector leaves its elements, and what points to them, where they are.
  file.bytes = std::move(bytes);
  return file;
}

}  // namespace
}  // namespace format

bool IsTorchCheckpoint(std::span<const uint8_t> bytes) {
  const std::string_view text = format::Text(bytes);
  if (text.starts_with(format::kZipMagic)) return true;
  if (text.size() < 2 || text[0] != '\x80') return false;
  // Protocol 4 puts what follows into a frame: an opcode and 8 bytes of length.
  constexpr size_t kFrame = 9;
  const size_t head = text.size() > 2 + kFrame && text[2] == '\x95' ? 2 + kFrame : 2;
  return text.substr(head).starts_with(format::kMagic);
}

Result<TensorFile> ParseTorchCheckpoint(std::vector<uint8_t> bytes) {
  if (format::Text(bytes).starts_with(format::kZipMagic)) return format::ParseZip(std::move(bytes));
  return format::ParseLegacy(std::move(bytes));
}

Result<TensorFile> ReadTorchCheckpoint(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, base::ReadFile(path));
  Result<TensorFile> file = ParseTorchCheckpoint(std::move(bytes));
  if (!file) return tl::unexpected(file.error().In(path));
  return file;
}

}  // namespace signum
