#include "tokenizer/gguf_keys.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace trinity {

const Json* GgufKeys::Find(std::string_view key) const {
  const auto at = metadata_.find(std::string(key));
  return at == metadata_.end() ? nullptr : &*at;
}

std::optional<std::string> GgufKeys::FindString(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) Refuse(key, "a string", *value);
  return value->get<std::string>();
}

std::optional<bool> GgufKeys::FindBoolean(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) Refuse(key, "true or false", *value);
  return value->get<bool>();
}

std::optional<int32_t> GgufKeys::FindId(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const bool is_id = value->is_number_unsigned() &&
                     value->get<uint64_t>() < uint64_t{std::numeric_limits<int32_t>::max()};
  if (!is_id) Refuse(key, "an id (an unsigned integer below 2^31 - 1)", *value);
  return value->get<int32_t>();
}

std::optional<double> GgufKeys::FindNumber(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>())) {
    Refuse(key, "a finite number", *value);
  }
  return value->get<double>();
}

const Json& GgufKeys::Array(std::string_view key) const {
  const Json* value = Find(key);
  if (value == nullptr) Fail("{}: is missing: expected an array", Where(key));
  if (!value->is_array()) Refuse(key, "an array", *value);
  return *value;
}

std::string GgufKeys::Where(std::string_view key) const {
  return fmt::format("{}: {}", origin_, key);
}

void GgufKeys::Refuse(std::string_view key, std::string_view expected, const Json& found) const {
  Fail("{}: expected {}, found {}", Where(key), expected,
       Printable(found.is_array() ? fmt::format("{} elements", found.size())
                                  : found.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

}  // namespace trinity
