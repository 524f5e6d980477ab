// JSON as verbs print it with --json.
#ifndef SIGNUM_APPS_JSON_TEXT_H_
#define SIGNUM_APPS_JSON_TEXT_H_

#include <nlohmann/json.hpp>
#include <string>

namespace signum::apps {

// Indented, with a line end. File names may hold any bytes, JSON may not: what is no
// UTF-8 is replaced.
inline std::string JsonText(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace signum::apps

#endif  // SIGNUM_APPS_JSON_TEXT_H_
