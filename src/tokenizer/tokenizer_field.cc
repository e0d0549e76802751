#include "tokenizer/tokenizer_field.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace trinity {

std::string Describe(simdjson::dom::element value) {
  switch (value.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "a list";
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    case simdjson::dom::element_type::STRING:
      return fmt::format("\"{}\"", Printable(value.get_string().value_unsafe()));
    default:
      return simdjson::minify(value);  // a number, true, false or null
  }
}

TokenizerField TokenizerField::At(std::string_view key) const {
  simdjson::dom::element value;
  if (Object().at_key(key).get(value) != simdjson::SUCCESS) {
    Fail("{}: expected the member \"{}\", found none", where_, key);
  }
  const bool at_top = where_.back() == ':';
  return {value, fmt::format("{}{}{}", where_, at_top ? " " : ".", key)};
}

std::optional<TokenizerField> TokenizerField::Find(std::string_view key) const {
  simdjson::dom::element value;
  if (Object().at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return At(key);
}

void TokenizerField::CheckKeys(std::initializer_list<std::string_view> known) const {
  std::vector<std::string_view> seen;
  for (const auto& [key, value] : Object()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      Fail("{}: the member \"{}\" is not known, expected one of {}", where_, Printable(key),
           fmt::join(known, ", "));
    }
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      Fail("{}: the member \"{}\" occurs twice", where_, key);
    }
    seen.push_back(key);
  }
}

std::vector<TokenizerField> TokenizerField::Items() const {
  std::vector<TokenizerField> items;
  for (const simdjson::dom::element item : Array()) {
    items.emplace_back(item, fmt::format("{}[{}]", where_, items.size()));
  }
  return items;
}

simdjson::dom::object TokenizerField::Object() const {
  if (!value_.is_object()) Refuse("an object");
  return value_.get_object().value_unsafe();
}

simdjson::dom::array TokenizerField::Array() const {
  if (!value_.is_array()) Refuse("a list");
  return value_.get_array().value_unsafe();
}

std::string_view TokenizerField::String() const {
  if (!value_.is_string()) Refuse("a string");
  return value_.get_string().value_unsafe();
}

bool TokenizerField::Bool() const {
  if (!value_.is_bool()) Refuse("true or false");
  return value_.get_bool().value_unsafe();
}

int32_t TokenizerField::Id() const {
  int64_t id = -1;
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max() - 1;
  if (value_.get_int64().get(id) != simdjson::SUCCESS || id < 0 || id > kMax) {
    Refuse("an id (an integer that is not negative)");
  }
  return static_cast<int32_t>(id);
}

bool TokenizerField::BoolOf(std::string_view key, bool if_absent) const {
  const std::optional<TokenizerField> field = Find(key);
  return field ? field->Bool() : if_absent;
}

bool TokenizerField::IsZero() const {
  double number = 1.0;
  return value_.get_double().get(number) == simdjson::SUCCESS && number == 0.0;
}

void TokenizerField::Refuse(std::string_view expected) const {
  Fail("{}: expected {}, found {}", where_, expected, Describe(value_));
}

}  // namespace trinity
