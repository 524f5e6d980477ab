#include "format/safetensors_header.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "format/sgn_wire.h"

namespace signum::format {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMetadata = "__metadata__";

// Takes the header's events, in the one form that they may have:
//   {NAME: {"dtype": TEXT, "shape": [N, ...], "data_offsets": [N, N]}, ...,
//    "__metadata__": {TEXT: TEXT, ...}}
// A handler returns whether to go on; what is wrong is in `error`.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  SafetensorsHeader header;
  std::string error;

  bool null() override { return Unexpected("null"); }
  bool boolean(bool) override { return Unexpected("true or false"); }
  bool number_integer(number_integer_t) override { return Unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return Unexpected("a fraction"); }
  bool binary(binary_t&) override { return Unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (numbers_ == nullptr || !in_array_) return Unexpected("a number");
    // More than a tensor can have are wrong however many they are.
    if (numbers_->size() <= kMaxRank) numbers_->push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (in_metadata_) {
      if (!header.metadata.emplace(std::move(key_), std::move(value)).second) {
        return Broken("has a metadata key twice");
      }
      return true;
    }
    if (depth_ != 2 || key_ != "dtype") return Unexpected("a text");
    header.entries.back().dtype = std::move(value);
    return true;
  }

  bool start_object(size_t) override {
    if (in_array_ || depth_ > 1 || in_metadata_) return Unexpected("an object");
    ++depth_;
    if (depth_ == 1) return true;
    if (key_ == kMetadata) {
      in_metadata_ = true;
    } else {
      header.entries.push_back({.name = key_});
    }
    fields_.clear();
    return true;
  }

  bool end_object() override {
    --depth_;
    if (depth_ == 1 && !in_metadata_ && fields_.size() != 3) {
      return Broken(fmt::format("lacks the dtype, shape or data_offsets of tensor '{}'",
                                Printable(header.entries.back().name)));
    }
    in_metadata_ = false;
    return true;
  }

  bool start_array(size_t) override {
    if (in_array_ || numbers_ == nullptr) return Unexpected("a list");
    in_array_ = true;
    return true;
  }

  bool end_array() override {
    in_array_ = false;
    numbers_ = nullptr;
    return true;
  }

  bool key(string_t& value) override {
    numbers_ = nullptr;
    key_ = std::move(value);
    if (in_metadata_) return true;
    if (depth_ == 1) {
      if (names_.insert(key_).second) return true;
      return Broken(fmt::format("has the name '{}' twice", Printable(key_)));
    }
    SafetensorsEntry& entry = header.entries.back();
    if (!fields_.insert(key_).second) {
      return Broken(fmt::format("has the field '{}' of tensor '{}' twice", Printable(key_),
                                Printable(entry.name)));
    }
    if (key_ == "shape") numbers_ = &entry.shape;
    if (key_ == "data_offsets") numbers_ = &entry.offsets;
    if (numbers_ != nullptr || key_ == "dtype") return true;
    return Broken(fmt::format("has the unknown field '{}' of tensor '{}'", Printable(key_),
                              Printable(entry.name)));
  }

  bool parse_error(size_t at, const std::string&, const nlohmann::detail::exception&) override {
    return Broken(fmt::format("is no JSON at byte {}", at));
  }

 private:
  bool Broken(std::string what) {
    if (error.empty()) error = std::move(what);
    return false;
  }

  bool Unexpected(const char* what) {
    return Broken(
        depth_ == 0 ? fmt::format("is {}, not an object", what)
                    : fmt::format("has {} where '{}' needs something else", what, Printable(key_)));
  }

  int depth_ = 0;  // of objects
  bool in_metadata_ = false, in_array_ = false;
  std::string key_;                           // the last one read
  std::vector<uint64_t>* numbers_ = nullptr;  // where the list behind key_ goes
  std::set<std::string> names_, fields_;
};

}  // namespace

Result<SafetensorsHeader> ParseSafetensorsHeader(std::string_view json) {
  HeaderReader reader;
  if (!Json::sax_parse(json.begin(), json.end(), &reader)) {
    return Corrupt(fmt::format("its header {}; copy or download it again",
                               reader.error.empty() ? "is no JSON" : reader.error));
  }
  return std::move(reader.header);
}

}  // namespace signum::format
