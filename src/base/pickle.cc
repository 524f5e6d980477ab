#include "base/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/pickle_opcodes.h"

namespace signum::base {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view kOrderedDict = "collections.OrderedDict";

// Runs the opcodes of one pickle on a stack, as in CPython's pickletools.py.
class Parser {
 public:
  Parser(std::span<const uint8_t> bytes, const std::string& name, const PickleRules& rules)
      : bytes_(bytes), name_(name), rules_(rules) {}

  Result<Pickle> Run() {
    for (;;) {
      if (at_ == bytes_.size()) return Cut();
      opcode_at_ = at_;
      const uint8_t opcode = bytes_[at_++];
      if (opcode == '.') {
        if (stack_.empty()) return Broken("stops without a value");
        pickle_.root = stack_.back();
        pickle_.size = at_;
        return std::move(pickle_);
      }
      SIGNUM_RETURN_IF_ERROR(Execute(opcode));
      if (pickle_.values.size() > rules_.max_values) {
        return Fail(ErrorCode::kResourceExhausted,
                    fmt::format("{} has more than {} values, which {} has no use for; {}", name_,
                                rules_.max_values, rules_.what, rules_.advice));
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
      case 0x95: return Number(8).map([](uint64_t) {});  // FRAME: how much to read ahead
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
      case 'G': return Float();
      case 'U':
      case 'C':
      case 0x8c: return Bytes(1);
      case 'T':
      case 'B':
      case 'X': return Bytes(4);
      case 0x85: return Tuple(1);
      case 0x86: return Tuple(2);
      case 0x87: return Tuple(3);
      case 't': return MarkedTuple();
      case 'q': return Remember(1);
      case 'r': return Remember(4);
      case 0x94: return RememberAs(memo_.size());
      case 'h': return Recall(1);
      case 'j': return Recall(4);
      case 'a': return Extend(Kind::kList, 1);
      case 's': return Extend(Kind::kDict, 2);
      case 'e': return ExtendMarked(Kind::kList);
      case 'u': return ExtendMarked(Kind::kDict);
      case 'c': return Name();
      case 0x93: return StackName();
      case 'Q': return Persistent();
      case 'R': return Reduce();
      case 'b': return Build();
      default: break;
    }
    return Unsupported(fmt::format(
        "{} has pickle opcode 0x{:02x} ({}) at byte {}, which {} has no use for; {}", name_, opcode,
        PickleOpcodeName(opcode), opcode_at_, rules_.what, rules_.advice));
  }

  // The next `count` bytes as a little-endian number.
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
    if (version > 5) {
      return Unsupported(
          fmt::format("{} is a pickle of protocol {}; up to 5 is read", name_, version));
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
    if (count > 8) return Bytes(count, Kind::kLong);
    SIGNUM_ASSIGN_OR_RETURN(uint64_t bits, Number(count));
    if (count > 0 && count < 8 && (bits >> (8 * count - 1)) != 0) {
      bits |= ~uint64_t{0} << (8 * count);
    }
    return PushInteger(static_cast<int64_t>(bits));
  }

  // Eight bytes, the highest first.
  Status Float() {
    SIGNUM_ASSIGN_OR_RETURN(const uint64_t bits, Number(8));
    uint64_t reversed = 0;
    for (int i = 0; i < 8; ++i) reversed |= (bits >> (8 * i) & 0xFF) << (56 - 8 * i);
    return Push({.kind = Kind::kFloat, .number = std::bit_cast<double>(reversed)});
  }

  Status Bytes(uint64_t count, Kind kind) {
    if (bytes_.size() - at_ < count) return Cut();
    const char* begin = reinterpret_cast<const char*>(bytes_.data()) + at_;
    at_ += count;
    return Push({.kind = kind, .bytes = std::string_view(begin, count)});
  }

  Status Bytes(size_t count_bytes) {
    SIGNUM_ASSIGN_OR_RETURN(const uint64_t count, Number(count_bytes));
    return Bytes(count, Kind::kBytes);
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
    return RememberAs(key);
  }

  Status RememberAs(uint64_t key) {
    if (stack_.empty() || key >= rules_.max_values) {
      return Broken("remembers a value that is not there");
    }
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
    return PushName(name);
  }

  // The same from two strings on the stack.
  Status StackName() {
    SIGNUM_ASSIGN_OR_RETURN(const int attribute, Pop());
    SIGNUM_ASSIGN_OR_RETURN(const int module, Pop());
    if (value(module).kind != Kind::kBytes || value(attribute).kind != Kind::kBytes) {
      return Broken("names an object by what is no string");
    }
    constexpr size_t kLongest = 200;  // no known name is longer
    return PushName(std::string(value(module).bytes.substr(0, kLongest)) + "." +
                    std::string(value(attribute).bytes.substr(0, kLongest)));
  }

  Status PushName(std::string name) {
    for (const std::string_view known : rules_.names) {
      if (name == known) return Push({.kind = Kind::kName, .bytes = known});
    }
    name.resize(std::min<size_t>(name.size(), 60));
    for (char& c : name) c = c >= ' ' && c < 127 ? c : '?';
    return Unsupported(
        fmt::format("{} asks for the Python object {} at byte {}; only {} are read, and nothing is "
                    "executed: {}",
                    name_, name, opcode_at_, rules_.reads, rules_.advice));
  }

  Status Persistent() {
    if (!rules_.persistent) return Broken("refers to what is kept outside of it");
    SIGNUM_ASSIGN_OR_RETURN(const int id, Pop());
    return Push({.kind = Kind::kPersistent, .other = id});
  }

  // callable(*arguments), as a value.
  Status Reduce() {
    SIGNUM_ASSIGN_OR_RETURN(const int arguments, Pop());
    SIGNUM_ASSIGN_OR_RETURN(const int callable, Pop());
    if (value(callable).kind != Kind::kName || value(arguments).kind != Kind::kTuple) {
      return Broken("calls a value that is no known object");
    }
    const std::string_view name = value(callable).bytes;
    if (name == kOrderedDict) return OrderedDict(value(arguments).items);
    // Copied: the same tuple may be the arguments of many calls.
    SIGNUM_RETURN_IF_ERROR(TakeCopies(value(arguments).items.size()));
    return Push({.kind = Kind::kCall, .bytes = name, .items = value(arguments).items});
  }

  // OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 wrote it.
  Status OrderedDict(const std::vector<int>& arguments) {
    PickleValue dict{.kind = Kind::kDict};
    if (arguments.empty()) return Push(std::move(dict));
    if (arguments.size() > 1 || value(arguments[0]).kind != Kind::kList) {
      return Broken("makes an OrderedDict of what is no list");
    }
    for (const int index : value(arguments[0]).items) {
      const PickleValue& pair = value(index);
      if ((pair.kind != Kind::kList && pair.kind != Kind::kTuple) || pair.items.size() != 2) {
        return Broken("makes an OrderedDict of what are no pairs");
      }
      SIGNUM_RETURN_IF_ERROR(TakeCopies(2));
      dict.items.insert(dict.items.end(), pair.items.begin(), pair.items.end());
    }
    return Push(std::move(dict));
  }

  // Charges the copy of a value's items to the same limit as values.
  Status TakeCopies(size_t count) {
    copies_ += count;
    if (copies_ <= 16 * rules_.max_values) return {};
    return Broken("repeats its values too often");
  }

  // Sets the state of an object. That of a dict (its attributes) is dropped.
  Status Build() {
    SIGNUM_ASSIGN_OR_RETURN(const int state, Pop());
    if (stack_.empty()) return Broken("sets the state of nothing");
    PickleValue& object = value(stack_.back());
    if (object.kind == Kind::kDict) return {};
    if (object.kind != Kind::kCall) return Broken("sets the state of a value that has none");
    object.other = state;
    return {};
  }

  std::span<const uint8_t> bytes_;
  const std::string& name_;
  const PickleRules& rules_;
  size_t at_ = 0;
  size_t opcode_at_ = 0;
  Pickle pickle_;
  std::vector<int> stack_;
  std::vector<size_t> marks_;  // stack sizes
  std::vector<int> memo_;
  size_t copies_ = 0;
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

Result<Pickle> ParsePickle(std::span<const uint8_t> bytes, const std::string& name,
                           const PickleRules& rules) {
  return Parser(bytes, name, rules).Run();
}

}  // namespace signum::base
