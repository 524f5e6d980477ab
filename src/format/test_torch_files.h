// Checkpoints for the tests of this room, byte by byte: what torch.save would
// write, and what it never would. Part of no library.
#ifndef SIGNUM_FORMAT_TEST_TORCH_FILES_H_
#define SIGNUM_FORMAT_TEST_TORCH_FILES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace signum::format {

struct TestTensor {
  std::string key, storage;
  std::vector<int64_t> sizes, strides;
  int64_t offset = 0;
  std::string storage_class = "FloatStorage";
};

struct TestStorage {
  std::string key, bytes;
  int64_t elements = 0;  // as the tensors' pickle states it
};

struct TestCheckpoint {
  std::vector<TestTensor> tensors;
  std::vector<TestStorage> storages;
  std::string nested;  // "state_dict": the tensors lie under it
  bool little_endian = true;

  // Adds a dense tensor with a storage of its own.
  void Add(const std::string& key, std::vector<int64_t> sizes, const std::vector<float>& values);
};

// Parts of pickles.
std::string PickleText(const std::string& text);
std::string PickleInteger(int64_t value);
std::string PickleTuple(const std::vector<int64_t>& values);
// "module.attribute", then called with the pickled arguments.
std::string PickleName(const std::string& module, const std::string& attribute);
std::string PickleTensor(const TestTensor& tensor, int64_t elements, const std::string& view);

// The pickle of the tensors; with `legacy`, as in the format before zip.
std::string TorchPickle(const TestCheckpoint& checkpoint, bool legacy);

// Whole files, from the checkpoint or around another pickle.
std::string LegacyFile(const TestCheckpoint& checkpoint);
std::string LegacyFile(const TestCheckpoint& checkpoint, const std::string& pickle);
std::string ZipFile(const TestCheckpoint& checkpoint);
std::string ZipFile(const TestCheckpoint& checkpoint, const std::string& pickle);

// A zip archive of stored records.
std::string ZipOf(const std::vector<std::pair<std::string, std::string>>& records);

std::string LittleEndian(uint64_t value, int bytes);
std::string FloatBytes(const std::vector<float>& values);

// `graph`'s parameters under PyTorch's names.
TestCheckpoint CheckpointOf(const Graph& graph);

std::vector<uint8_t> ToBytes(const std::string& text);

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_TEST_TORCH_FILES_H_
