#include "data/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace signum::data {
namespace {

using Kind = PickleValue::Kind;

// More values than any batch file has (2 per record), and few enough that a
// hostile file cannot take much memory.
constexpr size_t kMaxValues = 1 << 17;

constexpr std::string_view kReconstruct = "numpy.core.multiarray._reconstruct";
constexpr std::string_view kArrayClass = "numpy.ndarray";
constexpr std::string_view kTypeClass = "numpy.dtype";

// Runs the opcodes of one pickle on a stack, as in CPython's pickletools.py.
class Parser {
 public:
  Parser(std::span<const uint8_t> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Result<Pickle> Run() {
    for (;;) {
      if (at_ == bytes_.size()) return Cut();
      opcode_at_ = at_;
      const uint8_t opcode = bytes_[at_++];
      if (opcode == '.') {
        if (stack_.empty()) return Broken("stops without a value");
        pickle_.root = stack_.back();
        return std::move(pickle_);
      }
      SIGNUM_RETURN_IF_ERROR(Execute(opcode));
      if (pickle_.values.size() > kMaxValues) {
        return Fail(
            ErrorCode::kResourceExhausted,
            fmt::format("{} has more than {} values: it is no dataset file", name_, kMaxValues));
      }
    }
  }

 private:
  tl::unexpected<Error> Cut() const {
    return Corrupt(name_ + " ends in the middle of a pickle: it is cut off");
  }

  tl::unexpected<Error> Broken(const std::string& what) const {
    return Corrupt(fmt::format("{} is not the pickle it should be: at byte {} it {}", name_,
                               opcode_at_, what));
  }

  Status Execute(uint8_t opcode) {
    switch (opcode) {
      case 0x80: return Protocol();
      case '(': marks_.push_back(stack_.size()); return {};
      case '}': return Push({.kind = Kind::kDict});
      case ']': return Push({.kind = Kind::kList});
      case ')': return Push({.kind = Kind::kTuple});
      case 'N': return Push({});
      case 0x88: return PushInteger(1);
      case 0x89: return PushInteger(0);
      case 'K': return Integer(1);
      case 'M': return Integer(2);
      case 'J': return Integer(4);
      case 0x8a: return LongInteger();
      case 'U':
      case 'C': return Bytes(1);
      case 'T':
      case 'B':
      case 'X': return Bytes(4);
      case 0x85: return Tuple(1);
      case 0x86: return Tuple(2);
      case 0x87: return Tuple(3);
      case 't': return MarkedTuple();
      case 'q': return Remember(1);
      case 'r': return Remember(4);
      case 'h': return Recall(1);
      case 'j': return Recall(4);
      case 'a': return Extend(Kind::kList, 1);
      case 's': return Extend(Kind::kDict, 2);
      case 'e': return ExtendMarked(Kind::kList);
      case 'u': return ExtendMarked(Kind::kDict);
      case 'c': return Name();
      case 'R': return Reduce();
      case 'b': return Build();
      default: break;
    }
    return Unsupported(
        fmt::format("{} has pickle opcode 0x{:02x} at byte {}, which a dataset file "
                    "of CIFAR-10 has no use for; get the official file",
                    name_, opcode, opcode_at_));
  }

  // The next `count` bytes as a little-endian number, or -1 at the end.
  Result<uint64_t> Number(size_t count) {
    if (bytes_.size() - at_ < count) return Cut();
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i) value |= uint64_t{bytes_[at_ + i]} << (8 * i);
    at_ += count;
    return value;
  }

  Status Push(PickleValue value) {
    stack_.push_back(static_cast<int>(pickle_.values.size()));
    pickle_.values.push_back(std::move(value));
    return {};
  }

  Status PushInteger(int64_t value) { return Push({.kind = Kind::kInteger, .integer = value}); }

  Result<int> Pop() {
    const size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) return Broken("takes a value that is not there");
    const int top = stack_.back();
    stack_.pop_back();
    return top;
  }

  // The values pushed since the last mark, which is taken away.
  Result<std::vector<int>> PopMarked() {
    if (marks_.empty() || marks_.back() > stack_.size()) return Broken("lacks a mark");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<int> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }

  PickleValue& value(int index) { return pickle_.values[static_cast<size_t>(index)]; }

  Status Protocol() {
    SIGNUM_ASSIGN_OR_RETURN(const uint64_t version, Number(1));
    if (version > 4) {
      return Unsupported(
          fmt::format("{} is a pickle of protocol {}; up to 4 is read", name_, version));
    }
    return {};
  }

  Status Integer(size_t count) {
    SIGNUM_ASSIGN_OR_RETURN(const uint64_t bits, Number(count));
    return PushInteger(count == 4 ? int64_t{static_cast<int32_t>(bits)}
                                  : static_cast<int64_t>(bits));
  }

  Status LongInteger() {
    SIGNUM_ASSIGN_OR_RETURN(const uint64_t count, Number(1));
    if (count > 8) return Broken("has an integer of more than 64 bits");
    SIGNUM_ASSIGN_OR_RETURN(uint64_t bits, Number(count));
    if (count > 0 && count < 8 && (bits >> (8 * count - 1)) != 0) {
      bits |= ~uint64_t{0} << (8 * count);
    }
    return PushInteger(static_cast<int64_t>(bits));
  }

  Status Bytes(size_t count_bytes) {
    SIGNUM_ASSIGN_OR_RETURN(const uint64_t count, Number(count_bytes));
    if (bytes_.size() - at_ < count) return Cut();
    const char* begin = reinterpret_cast<const char*>(bytes_.data()) + at_;
    at_ += count;
    return Push({.kind = Kind::kBytes, .bytes = std::string_view(begin, count)});
  }

  Status Tuple(int count) {
    std::vector<int> items(static_cast<size_t>(count));
    for (int i = count - 1; i >= 0; --i) {
      SIGNUM_ASSIGN_OR_RETURN(items[static_cast<size_t>(i)], Pop());
    }
    return Push({.kind = Kind::kTuple, .items = std::move(items)});
  }

  Status MarkedTuple() {
    SIGNUM_ASSIGN_OR_RETURN(std::vector<int> items, PopMarked());
    return Push({.kind = Kind::kTuple, .items = std::move(items)});
  }

  Status Remember(size_t count_bytes) {
    SIGNUM_ASSIGN_OR_RETURN(const uint64_t key, Number(count_bytes));
    if (stack_.empty() || key >= kMaxValues) return Broken("remembers a value that is not there");
    if (key >= memo_.size()) memo_.resize(key + 1, -1);
    memo_[key] = stack_.back();
    return {};
  }

  Status Recall(size_t count_bytes) {
    SIGNUM_ASSIGN_OR_RETURN(const uint64_t key, Number(count_bytes));
    if (key >= memo_.size() || memo_[key] < 0) return Broken("recalls a value it never had");
    stack_.push_back(memo_[key]);
    return {};
  }

  Status ExtendBy(Kind kind, const std::vector<int>& items) {
    if (stack_.empty() || value(stack_.back()).kind != kind) {
      return Broken("adds to a value that is no " +
                    std::string(kind == Kind::kList ? "list" : "dict"));
    }
    if (kind == Kind::kDict && items.size() % 2 != 0) return Broken("has a key without a value");
    std::vector<int>& into = value(stack_.back()).items;
    into.insert(into.end(), items.begin(), items.end());
    return {};
  }

  Status Extend(Kind kind, int count) {
    std::vector<int> items(static_cast<size_t>(count));
    for (int i = count - 1; i >= 0; --i) {
      SIGNUM_ASSIGN_OR_RETURN(items[static_cast<size_t>(i)], Pop());
    }
    return ExtendBy(kind, items);
  }

  Status ExtendMarked(Kind kind) {
    SIGNUM_ASSIGN_OR_RETURN(const std::vector<int> items, PopMarked());
    return ExtendBy(kind, items);
  }

  // Two lines: a module and an attribute of it.
  Status Name() {
    std::string name;
    for (int line = 0; line < 2; ++line) {
      const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(at_);
      const auto end = std::find(begin, bytes_.end(), '\n');
      if (end == bytes_.end()) return Cut();
      if (line == 1) name += '.';
      name.append(begin, end);
      at_ += static_cast<size_t>(end - begin) + 1;
    }
    for (const std::string_view known : {kReconstruct, kArrayClass, kTypeClass}) {
      if (name == known) return Push({.kind = Kind::kName, .bytes = known});
    }
    name.resize(std::min<size_t>(name.size(), 60));
    for (char& c : name) c = c >= ' ' && c < 127 ? c : '?';
    return Unsupported(
        fmt::format("{} asks for the Python object {} at byte {}; only numpy arrays "
                    "are read, and nothing is executed: get the official file",
                    name_, name, opcode_at_));
  }

  // callable(*arguments), for numpy's two.
  Status Reduce() {
    SIGNUM_ASSIGN_OR_RETURN(const int arguments, Pop());
    SIGNUM_ASSIGN_OR_RETURN(const int callable, Pop());
    if (value(callable).kind != Kind::kName || value(arguments).kind != Kind::kTuple) {
      return Broken("calls a value that is no numpy type");
    }
    const std::string_view name = value(callable).bytes;
    if (name == kReconstruct) return Push({.kind = Kind::kArray});
    const std::vector<int>& items = value(arguments).items;
    if (name != kTypeClass || items.empty() || value(items[0]).kind != Kind::kBytes) {
      return Broken("makes a numpy type without a name");
    }
    return Push({.kind = Kind::kType, .type = std::string(value(items[0]).bytes)});
  }

  // Sets the state of a numpy type (left as it is: a byte has no byte order) or of
  // an array: (version, sizes, type, column major, elements).
  Status Build() {
    SIGNUM_ASSIGN_OR_RETURN(const int state, Pop());
    if (stack_.empty()) return Broken("sets the state of nothing");
    PickleValue& object = value(stack_.back());
    if (object.kind == Kind::kType) return {};
    const std::vector<int>& fields = value(state).items;
    if (object.kind != Kind::kArray || value(state).kind != Kind::kTuple || fields.size() != 5 ||
        value(fields[1]).kind != Kind::kTuple || value(fields[2]).kind != Kind::kType ||
        value(fields[3]).kind != Kind::kInteger || value(fields[4]).kind != Kind::kBytes) {
      return Broken("has a numpy array of an unknown layout");
    }
    object.sizes.clear();
    for (const int size : value(fields[1]).items) {
      if (value(size).kind != Kind::kInteger) return Broken("has an array size that is no number");
      object.sizes.push_back(value(size).integer);
    }
    object.type = value(fields[2]).type;
    object.column_major = value(fields[3]).integer != 0;
    object.bytes = value(fields[4]).bytes;
    return {};
  }

  std::span<const uint8_t> bytes_;
  const std::string& name_;
  size_t at_ = 0;
  size_t opcode_at_ = 0;
  Pickle pickle_;
  std::vector<int> stack_;
  std::vector<size_t> marks_;  // stack sizes
  std::vector<int> memo_;
};

}  // namespace

const PickleValue* Pickle::Find(const PickleValue& dict, std::string_view key) const {
  if (dict.kind != Kind::kDict) return nullptr;
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& candidate = at(dict.items[i]);
    if (candidate.kind == Kind::kBytes && candidate.bytes == key) return &at(dict.items[i + 1]);
  }
  return nullptr;
}

Result<Pickle> ParsePickle(std::span<const uint8_t> bytes, const std::string& name) {
  return Parser(bytes, name).Run();
}

}  // namespace signum::data
