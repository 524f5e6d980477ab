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

// The number at `key` in `object`; null is NaN.
Result<double> NumberAt(const json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end()) return Corrupt("an epoch record lacks \"" + key + "\"");
  if (found->is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (!found->is_number()) return Corrupt("an epoch record's \"" + key + "\" is not a number");
  return found->get<double>();
}

}  // namespace

json ToJson(const EpochRecord& record) {
  json object = {{"epoch", record.epoch}};
  for (const NumberField& field : kNumbers) object[field.name] = ToNumber(record.*field.member);
  if (!record.flip_rates.empty()) {
    json& rates = object["flip_rates"] = json::object();
    for (const auto& [layer, rate] : record.flip_rates) rates[layer] = ToNumber(rate);
  }
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
  const auto rates = object.find("flip_rates");
  if (rates == object.end()) return record;
  if (!rates->is_object()) return Corrupt("an epoch record's \"flip_rates\" is not an object");
  for (const auto& item : rates->items()) {
    SIGNUM_ASSIGN_OR_RETURN(record.flip_rates[item.key()], NumberAt(*rates, item.key()));
  }
  return record;
}

}  // namespace signum::report
