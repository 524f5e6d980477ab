// The part of Python's pickle format that CIFAR-10's Python files use: dicts,
// lists, tuples, integers, byte strings and numpy arrays, of protocol 2.
//
// Executes nothing: the only callables that are understood are the two with which
// numpy rebuilds an array, and they are matched by name, never looked up. Any
// other object or opcode is refused, by its name.
#ifndef SIGNUM_DATA_PICKLE_H_
#define SIGNUM_DATA_PICKLE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "signum/result.h"

namespace signum::data {

// One value; which fields mean something follows from `kind`.
struct PickleValue {
  enum class Kind { kNone, kInteger, kBytes, kList, kTuple, kDict, kName, kType, kArray };

  Kind kind = Kind::kNone;
  int64_t integer = 0;         // kInteger; also True and False, as 1 and 0
  std::string_view bytes;      // kBytes; kName: "module.attribute"; kArray: its elements
  std::string type;            // kType and kArray: numpy's name, as in "u1"
  bool column_major = false;   // kArray
  std::vector<int> items;      // kList, kTuple, kDict (key, value, key, ...): value indices
  std::vector<int64_t> sizes;  // kArray
};

// A parsed pickle: its values, in one arena, and which of them is the whole. Byte
// strings point into the bytes that were parsed, which must outlive it.
struct Pickle {
  std::vector<PickleValue> values;
  int root = -1;

  const PickleValue& at(int index) const { return values[static_cast<size_t>(index)]; }
  // The value of `key` in the dict `dict`; null where there is none.
  const PickleValue* Find(const PickleValue& dict, std::string_view key) const;
};

// kCorrupt or kUnsupported; the message starts with `name`.
Result<Pickle> ParsePickle(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace signum::data

#endif  // SIGNUM_DATA_PICKLE_H_
