#include "format/test_torch_files.h"

#include <bit>

#include "format/tensor_file.h"

namespace signum::format {
namespace {

uint32_t Crc32(const std::string& bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

const TestStorage& StorageOf(const TestCheckpoint& checkpoint, const std::string& key) {
  for (const TestStorage& storage : checkpoint.storages) {
    if (storage.key == key) return storage;
  }
  return checkpoint.storages.at(0);
}

std::string EmptyOrderedDict() { return PickleName("collections", "OrderedDict") + ")R"; }

}  // namespace

std::string LittleEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string FloatBytes(const std::vector<float>& values) {
  std::string bytes;
  for (const float value : values) bytes += LittleEndian(std::bit_cast<uint32_t>(value), 4);
  return bytes;
}

std::vector<uint8_t> ToBytes(const std::string& text) { return {text.begin(), text.end()}; }

void TestCheckpoint::Add(const std::string& key, std::vector<int64_t> sizes,
                         const std::vector<float>& values) {
  const std::string storage = std::to_string(storages.size());
  storages.push_back({storage, FloatBytes(values), static_cast<int64_t>(values.size())});
  tensors.push_back(
      {.key = key, .storage = storage, .sizes = sizes, .strides = DenseStrides(sizes)});
}

std::string PickleText(const std::string& text) {
  return std::string("X") + LittleEndian(text.size(), 4) + text;
}

std::string PickleInteger(int64_t value) {
  if (value >= 0 && value < 256)
    return std::string("K") + LittleEndian(static_cast<uint64_t>(value), 1);
  return std::string("\x8a\x08") + LittleEndian(static_cast<uint64_t>(value), 8);
}

std::string PickleTuple(const std::vector<int64_t>& values) {
  std::string text = "(";
  for (const int64_t value : values) text += PickleInteger(value);
  return text + "t";
}

std::string PickleName(const std::string& module, const std::string& attribute) {
  return "c" + module + "\n" + attribute + "\n";
}

std::string PickleTensor(const TestTensor& tensor, int64_t elements, const std::string& view) {
  return PickleName("torch._utils", "_rebuild_tensor_v2") + "((" + PickleText("storage") +
         PickleName("torch", tensor.storage_class) + PickleText(tensor.storage) +
         PickleText("cuda:0") + PickleInteger(elements) + view + "tQ" +
         PickleInteger(tensor.offset) + PickleTuple(tensor.sizes) + PickleTuple(tensor.strides) +
         "\x89" + EmptyOrderedDict() + "tR";
}

std::string TorchPickle(const TestCheckpoint& checkpoint, bool legacy) {
  std::string dict = EmptyOrderedDict() + "(";
  for (const TestTensor& tensor : checkpoint.tensors) {
    const TestStorage& storage = StorageOf(checkpoint, tensor.storage);
    dict += PickleText(tensor.key) + PickleTensor(tensor, storage.elements, legacy ? "N" : "");
  }
  dict += "u";
  // What a state_dict has as an attribute: {'_metadata': ...}.
  dict += std::string("}") + PickleText("_metadata") + EmptyOrderedDict() + "sb";
  if (!checkpoint.nested.empty()) {
    // What a trainer keeps beside it: an accuracy, as a number and as a tensor.
    dict = std::string("}(") + PickleText("best") + "G" + std::string("\x40\x57\x32\0\0\0\0\0", 8) +
           PickleText("best_tensor") +
           PickleTensor(checkpoint.tensors[0], StorageOf(checkpoint, "0").elements,
                        legacy ? "N" : "") +
           PickleText(checkpoint.nested) + dict + "u";
  }
  return "\x80\x02" + dict + ".";
}

std::string LegacyFile(const TestCheckpoint& checkpoint, const std::string& pickle) {
  std::string file = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8\x50\x19.";
  file += "\x80\x02M\xe9\x03.";
  file += "\x80\x02}" + PickleText("little_endian") + (checkpoint.little_endian ? "\x88" : "\x89") +
          "s.";
  file += pickle + "\x80\x02](";
  for (const TestStorage& storage : checkpoint.storages) file += PickleText(storage.key);
  file += "e.";
  for (const TestStorage& storage : checkpoint.storages) {
    file += LittleEndian(static_cast<uint64_t>(storage.elements), 8) + storage.bytes;
  }
  return file;
}

std::string LegacyFile(const TestCheckpoint& checkpoint) {
  return LegacyFile(checkpoint, TorchPickle(checkpoint, true));
}

std::string ZipFile(const TestCheckpoint& checkpoint, const std::string& pickle) {
  std::vector<std::pair<std::string, std::string>> records = {
      {"archive/data.pkl", pickle},
      {"archive/byteorder", checkpoint.little_endian ? "little" : "big"}};
  for (const TestStorage& storage : checkpoint.storages) {
    records.emplace_back("archive/data/" + storage.key, storage.bytes);
  }
  records.emplace_back("archive/version", "3\n");
  return ZipOf(records);
}

std::string ZipFile(const TestCheckpoint& checkpoint) {
  return ZipFile(checkpoint, TorchPickle(checkpoint, false));
}

std::string ZipOf(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string file, directory;
  for (const auto& [name, contents] : records) {
    // From "version needed" to the length of the extra field; method 0 is stored.
    const std::string facts = LittleEndian(20, 2) + LittleEndian(0, 2) + LittleEndian(0, 2) +
                              LittleEndian(0x5A210000, 4) + LittleEndian(Crc32(contents), 4) +
                              LittleEndian(contents.size(), 4) + LittleEndian(contents.size(), 4) +
                              LittleEndian(name.size(), 2) + LittleEndian(0, 2);
    directory += "PK\x01\x02" + LittleEndian(20, 2) + facts + std::string(10, '\0') +
                 LittleEndian(file.size(), 4) + name;
    file += "PK\x03\x04" + facts + name + contents;
  }
  const std::string count = LittleEndian(records.size(), 2);
  return file + directory + "PK\x05\x06" + LittleEndian(0, 4) + count + count +
         LittleEndian(directory.size(), 4) + LittleEndian(file.size(), 4) + LittleEndian(0, 2);
}

TestCheckpoint CheckpointOf(const Graph& graph) {
  TestCheckpoint checkpoint;
  for (const Node& node : graph.nodes()) {
    for (const auto& [role, tensor] : node.parameters) {
      const auto values = tensor.floats();
      checkpoint.Add(node.name + "." + role, tensor.shape().sizes(),
                     {values.begin(), values.end()});
    }
  }
  return checkpoint;
}

}  // namespace signum::format
