#include <charconv>
#include <cmath>
#include <limits>

#include "report/run_report.h"

namespace signum::report {
namespace {

using nlohmann::json;

struct NumberField {
  const char* name;
  double EpochRecord::*member;
};

// The one list of an epoch's numbers, for both directions.
constexpr NumberField kNumbers[] = {
    {"train_loss", &EpochRecord::train_loss},
    {"train_accuracy", &EpochRecord::train_accuracy},
    {"test_loss", &EpochRecord::test_loss},
    {"test_accuracy", &EpochRecord::test_accuracy},
    {"learning_rate", &EpochRecord::learning_rate},
    {"seconds", &EpochRecord::seconds},
    {"images_per_second", &EpochRecord::images_per_second},
};

// JSON has no NaN.
json ToNumber(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

constexpr const char* kFlipRates = "flip_rates";
constexpr const char* kAccuracies = "accuracies";

// The number at `key` in `object`; null is NaN.
Result<double> NumberAt(const json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end()) return Corrupt("an epoch record lacks \"" + key + "\"");
  if (found->is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (!found->is_number()) return Corrupt("an epoch record's \"" + key + "\" is not a number");
  return found->get<double>();
}

void PutNumbers(json& object, const char* key, const std::map<std::string, double>& numbers) {
  if (numbers.empty()) return;
  json& places = object[key] = json::object();
  for (const auto& [name, number] : numbers) places[name] = ToNumber(number);
}

// What PutNumbers put, or nothing.
Result<std::map<std::string, double>> NumbersAt(const json& object, const char* key) {
  std::map<std::string, double> numbers;
  const auto found = object.find(key);
  if (found == object.end()) return numbers;
  if (!found->is_object()) {
    return Corrupt(std::string("an epoch record's \"") + key + "\" is not an object");
  }
  for (const auto& item : found->items()) {
    SIGNUM_ASSIGN_OR_RETURN(numbers[item.key()], NumberAt(*found, item.key()));
  }
  return numbers;
}

}  // namespace

json ToJson(const EpochRecord& record) {
  json object = {{"epoch", record.epoch}};
  for (const NumberField& field : kNumbers) object[field.name] = ToNumber(record.*field.member);
  PutNumbers(object, kFlipRates, record.flip_rates);
  std::map<std::string, double> accuracies;
  for (const auto& [bits, accuracy] : record.accuracies) {
    accuracies[std::to_string(bits)] = accuracy;
  }
  PutNumbers(object, kAccuracies, accuracies);
  return object;
}

Result<EpochRecord> EpochRecordFromJson(const json& object) {
  if (!object.is_object()) return Corrupt("an epoch record is not a JSON object");
  EpochRecord record;
  const auto epoch = object.find("epoch");
  if (epoch == object.end() || !epoch->is_number_integer()) {
    return Corrupt("an epoch record lacks a whole number \"epoch\"");
  }
  record.epoch = epoch->get<int64_t>();
  for (const NumberField& field : kNumbers) {
    SIGNUM_ASSIGN_OR_RETURN(record.*field.member, NumberAt(object, field.name));
  }
  SIGNUM_ASSIGN_OR_RETURN(record.flip_rates, NumbersAt(object, kFlipRates));
  SIGNUM_ASSIGN_OR_RETURN(const auto accuracies, NumbersAt(object, kAccuracies));
  for (const auto& [name, accuracy] : accuracies) {
    int bits = 0;
    const char* end = name.data() + name.size();
    const auto [next, error] = std::from_chars(name.data(), end, bits);
    if (error != std::errc() || next != end) {
      return Corrupt("an epoch record's \"accuracies\" has no bits '" + name + "'");
    }
    record.accuracies[bits] = accuracy;
  }
  return record;
}

}  // namespace signum::report
