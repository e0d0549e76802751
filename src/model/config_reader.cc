#include "model/config_reader.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace trinity {

ConfigReader::ConfigReader(const Json& object, std::string_view origin)
    : object_(object), origin_(origin) {
  if (!object.is_object()) Fail("{}: expected a JSON object, found {}", origin, object.type_name());
}

const Json* ConfigReader::Find(std::string_view key) const {
  const auto at = object_.find(std::string(key));
  return at == object_.end() || at->is_null() ? nullptr : &*at;
}

void ConfigReader::Refuse(std::string_view key, std::string_view expected,
                          const Json& found) const {
  Fail("{}: {}: expected {}, found {}", origin_, key, expected,
       Printable(found.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

void ConfigReader::RefuseMissing(std::string_view key, std::string_view expected) const {
  Fail("{}: {} is missing: expected {}", origin_, key, expected);
}

std::optional<int64_t> ConfigReader::FindInteger(std::string_view key, int64_t lowest,
                                                 int64_t highest) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const std::string expected = fmt::format("an integer from {} to {}", lowest, highest);
  // An unsigned value that does not fit int64_t would turn negative.
  if (!value->is_number_integer() ||
      (value->is_number_unsigned() && value->get<uint64_t>() > uint64_t{INT64_MAX})) {
    Refuse(key, expected, *value);
  }
  const int64_t number = value->get<int64_t>();
  if (number < lowest || number > highest) Refuse(key, expected, *value);
  return number;
}

int64_t ConfigReader::Integer(std::string_view key, int64_t lowest, int64_t highest) const {
  const std::optional<int64_t> value = FindInteger(key, lowest, highest);
  if (!value) RefuseMissing(key, fmt::format("an integer from {} to {}", lowest, highest));
  return *value;
}

std::optional<double> ConfigReader::FindPositiveNumber(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) Refuse(key, "a number above 0", *value);
  const double number = value->get<double>();
  // The forward pass holds these as float32: there too they must be finite and above 0.
  const auto narrow = static_cast<float>(number);
  if (!std::isfinite(narrow) || narrow <= 0) Refuse(key, "a finite number above 0", *value);
  return number;
}

double ConfigReader::PositiveNumber(std::string_view key) const {
  const std::optional<double> value = FindPositiveNumber(key);
  if (!value) RefuseMissing(key, "a number above 0");
  return *value;
}

std::optional<bool> ConfigReader::FindBoolean(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) Refuse(key, "true or false", *value);
  return value->get<bool>();
}

bool ConfigReader::Boolean(std::string_view key) const {
  const std::optional<bool> value = FindBoolean(key);
  if (!value) RefuseMissing(key, "true or false");
  return *value;
}

std::optional<std::string> ConfigReader::FindString(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) Refuse(key, "a string", *value);
  return value->get<std::string>();
}

void ConfigReader::RequireIfPresent(std::string_view key, const Json& only) const {
  const Json* value = Find(key);
  if (value != nullptr && *value != only) {
    Refuse(key, fmt::format("{} (the only value implemented)", only.dump()), *value);
  }
}

}  // namespace trinity
