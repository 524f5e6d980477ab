#include "format/torch_pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "format/sgn_wire.h"

namespace signum::format {
namespace {

using base::Pickle;
using base::PickleValue;
using Kind = PickleValue::Kind;

constexpr std::string_view kTensorV1 = "torch._utils._rebuild_tensor";
constexpr std::string_view kTensorV2 = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kParameter = "torch._utils._rebuild_parameter";
// As PyTorch before 0.4 has it: called with its tensor.
constexpr std::string_view kOldParameter = "torch.nn.parameter.Parameter";

// What a checkpoint's pickle may ask for. A torch.Size is a tuple.
constexpr std::array<std::string_view, 20> kNames = {"collections.OrderedDict",
                                                     kTensorV1,
                                                     kTensorV2,
                                                     kParameter,
                                                     kOldParameter,
                                                     "torch.Size",
                                                     "torch.FloatStorage",
                                                     "torch.DoubleStorage",
                                                     "torch.HalfStorage",
                                                     "torch.BFloat16Storage",
                                                     "torch.ByteStorage",
                                                     "torch.CharStorage",
                                                     "torch.ShortStorage",
                                                     "torch.IntStorage",
                                                     "torch.LongStorage",
                                                     "torch.BoolStorage",
                                                     "torch.ComplexFloatStorage",
                                                     "torch.ComplexDoubleStorage",
                                                     "torch.QInt8Storage",
                                                     "torch.QUInt8Storage"};

struct StorageClass {
  std::string_view name;
  ElementType type;
};
constexpr std::array<StorageClass, 14> kStorageClasses = {{
    {"torch.FloatStorage", kFloat32Elements},
    {"torch.DoubleStorage", kFloat64Elements},
    {"torch.HalfStorage", kFloat16Elements},
    {"torch.BFloat16Storage", kBfloat16Elements},
    {"torch.ByteStorage", {"uint8", 1}},
    {"torch.CharStorage", kInt8Elements},
    {"torch.ShortStorage", {"int16", 2}},
    {"torch.IntStorage", {"int32", 4}},
    {"torch.LongStorage", {"int64", 8}},
    {"torch.BoolStorage", {"bool", 1}},
    {"torch.ComplexFloatStorage", {"complex64", 8}},
    {"torch.ComplexDoubleStorage", {"complex128", 16}},
    {"torch.QInt8Storage", {"qint8", 1}},
    {"torch.QUInt8Storage", {"quint8", 1}},
}};

constexpr const char* kSaveAlone = "save the weights alone: torch.save(model.state_dict(), FILE)";

constexpr base::PickleRules kRules = {
    .names = kNames,
    .persistent = true,
    // A network of 1,000 layers has some 100,000, and its optimizer as many.
    .max_values = size_t{1} << 20,
    .what = "a checkpoint of plain tensors",
    .reads = "plain tensors",
    .advice = kSaveAlone};

tl::unexpected<Error> BadStorage(const std::string& how) {
  return Corrupt("has a storage that " + how + "; copy or download it again");
}

std::optional<ElementType> TypeOf(const PickleValue& storage_class) {
  if (storage_class.kind != Kind::kName) return {};
  for (const StorageClass& known : kStorageClasses) {
    if (known.name == storage_class.bytes) return known.type;
  }
  return {};
}

// The integers in a tuple of integers.
std::optional<std::vector<int64_t>> Integers(const Pickle& pickle, const PickleValue& tuple) {
  // A torch.Size is called with the tuple that it is.
  const bool size =
      tuple.kind == Kind::kCall && tuple.bytes == "torch.Size" && tuple.items.size() == 1;
  const PickleValue& plain = size ? pickle.at(tuple.items[0]) : tuple;
  if (plain.kind != Kind::kTuple || plain.items.size() > 64) return {};
  std::vector<int64_t> integers;
  for (const int index : plain.items) {
    if (pickle.at(index).kind != Kind::kInteger) return {};
    integers.push_back(pickle.at(index).integer);
  }
  return integers;
}

// The view of a storage in the format before zip: (key, first, count) or None.
Status ReadStorageView(const Pickle& pickle, const PickleValue& view, StorageId& id) {
  if (view.kind == Kind::kNone) return {};
  if (view.kind != Kind::kTuple || view.items.size() != 3 ||
      pickle.at(view.items[1]).kind != Kind::kInteger ||
      pickle.at(view.items[2]).kind != Kind::kInteger) {
    return BadStorage("is viewed in an unknown way");
  }
  id.first = pickle.at(view.items[1]).integer;
  id.count = pickle.at(view.items[2]).integer;
  if (id.first < 0 || id.count < 0 || id.first > id.elements || id.count > id.elements - id.first) {
    return BadStorage(fmt::format("is viewed beyond its {} elements", id.elements));
  }
  return {};
}

// Whether `value` is a call that rebuilds a tensor, looking through parameters.
// A parameter of a parameter is none: no chain is followed.
const PickleValue* TensorCall(const Pickle& pickle, const PickleValue& value) {
  const PickleValue* call = &value;
  const bool parameter = call->bytes == kParameter || call->bytes == kOldParameter;
  if (call->kind == Kind::kCall && parameter && !call->items.empty()) {
    call = &pickle.at(call->items[0]);
  }
  const bool tensor =
      call->kind == Kind::kCall && (call->bytes == kTensorV1 || call->bytes == kTensorV2);
  return tensor ? call : nullptr;
}

// call: (storage, offset, sizes, strides, ...).
Result<TensorEntry> ReadTensor(const Pickle& pickle, const PickleValue& call, size_t max_bytes) {
  const auto argument = [&](size_t i) -> const PickleValue& { return pickle.at(call.items[i]); };
  if (call.items.size() < 4 || argument(0).kind != Kind::kPersistent ||
      argument(1).kind != Kind::kInteger || call.other >= 0) {
    return Corrupt("is a tensor of an unknown layout");
  }
  TensorEntry entry;
  SIGNUM_ASSIGN_OR_RETURN(entry.storage, ReadStorageId(pickle, argument(0), max_bytes));
  auto sizes = Integers(pickle, argument(2)), strides = Integers(pickle, argument(3));
  if (!sizes || !strides) return Corrupt("has sizes or strides that are no integers");
  const int64_t offset = argument(1).integer;
  SIGNUM_RETURN_IF_ERROR(CheckView(*sizes, *strides, offset, entry.storage.count));
  entry.tensor.type = entry.storage.type;
  entry.tensor.sizes = *std::move(sizes);
  entry.tensor.strides = *std::move(strides);
  entry.offset = entry.storage.first + offset;
  return entry;
}

bool HasTensor(const Pickle& pickle, const PickleValue& dict) {
  for (size_t i = 1; i < dict.items.size(); i += 2) {
    if (TensorCall(pickle, pickle.at(dict.items[i])) != nullptr) return true;
  }
  return false;
}

// "'epoch', 'arch', ...": the first keys of a dict, for messages.
std::string KeysOf(const Pickle& pickle, const PickleValue& dict) {
  std::string text;
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (i == 16) return text + ", ...";
    const PickleValue& key = pickle.at(dict.items[i]);
    text += text.empty() ? "'" : ", '";
    text += (key.kind == Kind::kBytes ? Printable(key.bytes) : "?") + "'";
  }
  return text.empty() ? "no keys" : text;
}

Result<const PickleValue*> FindStateDict(const Pickle& pickle) {
  const PickleValue& root = pickle.at(pickle.root);
  if (root.kind != Kind::kDict) {
    return Unsupported(std::string("holds no dict of tensors but something else; ") + kSaveAlone);
  }
  // Nested ones first: a trainer may keep tensors of its own beside them.
  for (const std::string_view key : {"state_dict", "model_state_dict", "model", "net"}) {
    const PickleValue* inner = pickle.Find(root, key);
    if (inner != nullptr && inner->kind == Kind::kDict && HasTensor(pickle, *inner)) return inner;
  }
  if (HasTensor(pickle, root)) return &root;
  return NotFound(
      fmt::format("has {}, but no tensors there nor under state_dict, "
                  "model_state_dict, model or net; {}",
                  KeysOf(pickle, root), kSaveAlone));
}

// Takes the prefixes of wrappers off, where every key has them.
void StripWrappers(StateDict& dict) {
  for (bool stripped = true; stripped;) {
    stripped = false;
    for (const std::string_view prefix : {"module.", "_orig_mod."}) {
      const auto has = [&](const std::string& key) {
        return key.size() > prefix.size() && key.starts_with(prefix);
      };
      const bool all =
          std::all_of(dict.tensors.begin(), dict.tensors.end(),
                      [&](const TensorEntry& entry) { return has(entry.tensor.key); }) &&
          std::all_of(dict.others.begin(), dict.others.end(), has);
      if (!all || dict.tensors.empty()) continue;
      for (TensorEntry& entry : dict.tensors) entry.tensor.key.erase(0, prefix.size());
      for (std::string& key : dict.others) key.erase(0, prefix.size());
      stripped = true;
    }
  }
}

}  // namespace

Result<Pickle> ParseTorchPickle(std::span<const uint8_t> bytes, const std::string& name) {
  return base::ParsePickle(bytes, name, kRules);
}

Result<StorageId> ReadStorageId(const Pickle& pickle, const PickleValue& value, size_t max_bytes) {
  const PickleValue& id = pickle.at(value.other);
  const auto field = [&](size_t i) -> const PickleValue& { return pickle.at(id.items[i]); };
  if (id.kind != Kind::kTuple || id.items.size() < 5 || id.items.size() > 6 ||
      field(0).kind != Kind::kBytes || field(0).bytes != "storage" ||
      field(2).kind != Kind::kBytes || field(4).kind != Kind::kInteger) {
    return BadStorage("is named in an unknown way");
  }
  const std::optional<ElementType> type = TypeOf(field(1));
  if (!type) return BadStorage("has an unknown type");
  StorageId storage{.key = std::string(field(2).bytes.substr(0, kMaxNameBytes)),
                    .type = *type,
                    .elements = field(4).integer};
  const auto most = static_cast<int64_t>(std::min<uint64_t>(
      max_bytes / static_cast<size_t>(type->bytes), std::numeric_limits<int64_t>::max()));
  if (storage.elements < 0 || storage.elements > most) {
    return BadStorage(fmt::format("should have {} elements of {}, more than the file's {} bytes",
                                  storage.elements, type->name, max_bytes));
  }
  storage.count = storage.elements;
  if (id.items.size() == 6) SIGNUM_RETURN_IF_ERROR(ReadStorageView(pickle, field(5), storage));
  return storage;
}

Result<std::map<std::string, StorageId>> ReadStorageIds(const Pickle& pickle, size_t max_bytes) {
  std::map<std::string, StorageId> storages;
  for (const PickleValue& value : pickle.values) {
    if (value.kind != Kind::kPersistent) continue;
    SIGNUM_ASSIGN_OR_RETURN(const StorageId id, ReadStorageId(pickle, value, max_bytes));
    const auto [at, inserted] = storages.emplace(id.key, id);
    if (!inserted && (at->second.type != id.type || at->second.elements != id.elements)) {
      return BadStorage(fmt::format("is named twice, as {} of {} and {} of {}", at->second.elements,
                                    at->second.type.name, id.elements, id.type.name));
    }
  }
  return storages;
}

Result<StateDict> ReadStateDict(const Pickle& pickle, size_t max_bytes) {
  SIGNUM_ASSIGN_OR_RETURN(const PickleValue* dict, FindStateDict(pickle));
  StateDict state;
  std::set<std::string_view> keys;
  for (size_t i = 0; i + 1 < dict->items.size(); i += 2) {
    const PickleValue& key = pickle.at(dict->items[i]);
    const PickleValue& value = pickle.at(dict->items[i + 1]);
    if (key.kind != Kind::kBytes) return Corrupt("has a key that is no string");
    SIGNUM_RETURN_IF_ERROR(CheckKey(key.bytes));
    if (!keys.insert(key.bytes).second) {
      return Corrupt(fmt::format("has the key '{}' twice", key.bytes));
    }
    const PickleValue* call = TensorCall(pickle, value);
    if (call == nullptr) {
      state.others.emplace_back(key.bytes);
      continue;
    }
    Result<TensorEntry> entry = ReadTensor(pickle, *call, max_bytes);
    if (!entry) {
      return Fail(entry.error().code,
                  fmt::format("tensor '{}' {}", key.bytes, entry.error().message));
    }
    entry->tensor.key = key.bytes;
    state.tensors.push_back(*std::move(entry));
  }
  StripWrappers(state);
  return state;
}

}  // namespace signum::format
