// What PyTorch's objects in a pickle mean: storages and the tensors that view
// them. Shared by the two container formats; internal to this room.
#ifndef SIGNUM_FORMAT_TORCH_PICKLE_H_
#define SIGNUM_FORMAT_TORCH_PICKLE_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/pickle.h"
#include "format/tensor_file.h"
#include "signum/result.h"

namespace signum::format {

// The pickle of a torch.save file. `name` says which part of it, for messages.
Result<base::Pickle> ParseTorchPickle(std::span<const uint8_t> bytes, const std::string& name);

// A storage as a persistent id states it: ("storage", type, key, location, elements)
// and, in the format before zip, a view of the storage or None.
struct StorageId {
  std::string key;
  ElementType type;
  int64_t elements = 0;
  // Of the view; the whole storage where there is none.
  int64_t first = 0, count = 0;

  int64_t bytes() const { return elements * type.bytes; }
};

// The storage that the persistent value `value` names. Its size in bytes is at
// most `max_bytes`.
Result<StorageId> ReadStorageId(const base::Pickle& pickle, const base::PickleValue& value,
                                size_t max_bytes);

// Every storage that the pickle names, by key: those of the optimizer, too, for
// in the format before zip they lie between those of the model.
Result<std::map<std::string, StorageId>> ReadStorageIds(const base::Pickle& pickle,
                                                        size_t max_bytes);

// One entry of the state_dict: a tensor whose data is yet to be read.
struct TensorEntry {
  StoredTensor tensor;
  StorageId storage;
  int64_t offset = 0;  // of its first element in the storage, the view's start included
};

struct StateDict {
  std::vector<TensorEntry> tensors;
  std::vector<std::string> others;  // keys whose values are no tensors
};

// The state_dict in `pickle`, keys without what wrappers put before them.
Result<StateDict> ReadStateDict(const base::Pickle& pickle, size_t max_bytes);

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_TORCH_PICKLE_H_
