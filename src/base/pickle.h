// The part of Python's pickle format that holds plain data: dicts, lists, tuples,
// numbers, strings, and calls of a few objects that the reader's caller names.
//
// Executes nothing. A call stays a value that says what was to be called with
// what; whoever asked for the pickle gives those calls a meaning, or refuses
// them. Any other object or opcode is refused, by its name. Knows neither numpy
// nor PyTorch.
#ifndef SIGNUM_BASE_PICKLE_H_
#define SIGNUM_BASE_PICKLE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "signum/result.h"

namespace signum::base {

// One value; which fields mean something follows from `kind`. Other values are
// named by their index in the pickle: a list may hold itself, so whoever follows
// indices must bound how far.
struct PickleValue {
  enum class Kind : uint8_t {
    kNone,
    kInteger,  // also True and False, as 1 and 0
    kLong,     // an integer of more than 64 bits
    kFloat,
    kBytes,  // strings, too
    kList,
    kTuple,
    kDict,        // also a collections.OrderedDict, where that is a known object
    kName,        // a known object
    kCall,        // a known object, called; never executed
    kPersistent,  // what the pickle's writer keeps outside of it, under an id
  };

  Kind kind = Kind::kNone;
  int64_t integer = 0;     // kInteger
  double number = 0;       // kFloat
  std::string_view bytes;  // kBytes; kLong: two's complement, little-endian; kName and kCall:
                           // "module.attribute"
  std::vector<int> items;  // kList, kTuple, kDict: their values (key, value, key, ...);
                           // kCall: its arguments
  int other = -1;          // kPersistent: the id; kCall: the state set afterwards, or -1
};

// A parsed pickle: its values, in one arena, and which of them is the whole. Byte
// strings point into the bytes that were parsed, which must outlive it.
struct Pickle {
  std::vector<PickleValue> values;
  int root = -1;
  size_t size = 0;  // how many of the bytes it took

  const PickleValue& at(int index) const { return values[static_cast<size_t>(index)]; }
  // The value of `key` in the dict `dict`; null where there is none.
  const PickleValue* Find(const PickleValue& dict, std::string_view key) const;
};

// What a reader expects of a pickle.
struct PickleRules {
  std::span<const std::string_view> names;  // the known objects, "module.attribute"
  bool persistent = false;                  // whether persistent ids are read
  size_t max_values = 0;                    // bounds the memory that a hostile file can take
  const char* what = "";                    // "a dataset file of CIFAR-10": for messages
  const char* reads = "";                   // "numpy arrays"
  const char* advice = "";                  // "get the official file"
};

// The first pickle in `bytes`; what comes behind it is left alone. kCorrupt,
// kUnsupported or kResourceExhausted; the message starts with `name`.
Result<Pickle> ParsePickle(std::span<const uint8_t> bytes, const std::string& name,
                           const PickleRules& rules);

}  // namespace signum::base

#endif  // SIGNUM_BASE_PICKLE_H_
