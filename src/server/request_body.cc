#include "server/request_body.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "server/api_error.h"

namespace trinity {
namespace {

const char* NameOf(FieldType type) {
  switch (type) {
    case FieldType::kBoolean:
      return "true or false";
    case FieldType::kInteger:
      return "an integer";
    case FieldType::kSeed:
      return "an integer from -2^63 to 2^64 - 1";
    case FieldType::kNumber:
      return "a number";
    case FieldType::kText:
      return "a string";
    case FieldType::kTextOrTexts:
      return "a string or an array of strings";
    case FieldType::kIntegers:
      return "an array of integers";
    case FieldType::kObject:
      return "an object";
    case FieldType::kObjects:
      return "an array of objects";
    case FieldType::kPrompt:
      return "a string, token ids, or an array of either";
    case FieldType::kAny:
      break;
  }
  return "any value";
}

template <class Predicate>
bool IsArrayOf(const Json& value, Predicate is_element) {
  return value.is_array() && std::all_of(value.begin(), value.end(), is_element);
}

bool IsInteger(const Json& value) {
  // 5.0 is an integer to JSON, and some clients write it.
  return value.is_number_integer() ||
         (value.is_number_float() && std::trunc(value.get<double>()) == value.get<double>());
}

constexpr double kTwoTo63 = 9223372036854775808.0;

bool IsSeed(const Json& value) {
  if (!value.is_number_float()) return value.is_number_integer();
  // Digits beyond 64 bits are read as the nearest double, which may be -2^63 or 2^64 itself.
  const double number = value.get<double>();
  return std::trunc(number) == number && number > -kTwoTo63 && number < 2 * kTwoTo63;
}

bool IsOfType(const Json& value, FieldType type) {
  const auto is_text = [](const Json& element) { return element.is_string(); };
  const auto is_object = [](const Json& element) { return element.is_object(); };
  switch (type) {
    case FieldType::kBoolean:
      return value.is_boolean();
    case FieldType::kInteger:
      return IsInteger(value);
    case FieldType::kSeed:
      return IsSeed(value);
    case FieldType::kNumber:
      return value.is_number();
    case FieldType::kText:
      return value.is_string();
    case FieldType::kTextOrTexts:
      return value.is_string() || IsArrayOf(value, is_text);
    case FieldType::kIntegers:
      return IsArrayOf(value, IsInteger);
    case FieldType::kObject:
      return value.is_object();
    case FieldType::kObjects:
      return IsArrayOf(value, is_object);
    case FieldType::kPrompt:
      return value.is_string() || value.is_array();
    case FieldType::kAny:
      return true;
  }
  return false;
}

[[noreturn]] void Refuse(const RequestField& field, const std::string& expected,
                         const Json& found) {
  throw ApiError(400,
                 fmt::format("{}: expected {}, found {}", field.name, expected, FoundText(found)),
                 std::string(field.name));
}

void CheckBounds(const RequestField& field, const Json& value) {
  const bool is_array = value.is_array();
  if (!is_array && !value.is_number()) return;
  // Token ids are an array too, and as long as the context.
  if (field.type == FieldType::kPrompt) return;
  const double size = is_array ? static_cast<double>(value.size()) : value.get<double>();
  const bool is_low = field.excludes_lowest ? size <= field.lowest : size < field.lowest;
  if (!is_low && size <= field.highest) return;
  const char* what = is_array ? " elements" : "";
  if (!std::isfinite(field.highest)) {
    Refuse(field, fmt::format("at least {}{}", field.lowest, what), value);
  }
  if (field.excludes_lowest) {
    Refuse(field, fmt::format("a number above {}, at most {}", field.lowest, field.highest), value);
  }
  Refuse(field, fmt::format("{} to {}{}", field.lowest, field.highest, what), value);
}

void CheckField(const RequestField& field, const Json& value) {
  if (field.use == FieldUse::kRefused) {
    const Json harmless = ParseJson(field.harmless, field.name);
    if (std::find(harmless.begin(), harmless.end(), value) != harmless.end()) return;
    throw ApiError(
        400, fmt::format("{}: it would change the answer, and is not implemented", field.name),
        std::string(field.name), "unsupported_parameter");
  }
  if (!IsOfType(value, field.type)) Refuse(field, NameOf(field.type), value);
  CheckBounds(field, value);
}

// The nearest that there is; bounds are checked before, but not every field has a highest value.
int64_t ToInteger(const Json& value) {
  if (value.is_number_unsigned()) {
    constexpr auto kHighest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    return static_cast<int64_t>(std::min(value.get<uint64_t>(), kHighest));
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  const double number = value.get<double>();
  if (number >= kTwoTo63) return std::numeric_limits<int64_t>::max();
  if (number < -kTwoTo63) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(number);
}

// What templates see: Python's integers have no bound.
bool IsForTemplates(std::string_view member) {
  return member == "messages" || member == "chat_template_kwargs";
}

}  // namespace

RequestBody RequestBody::Parse(std::string_view text, std::span<const RequestField> fields,
                               Unknown unknown, int64_t max_nesting) {
  JsonLimits limits;
  limits.max_depth = static_cast<int>(max_nesting);
  limits.keeps_digits = IsForTemplates;
  RequestBody body(fields);
  body.json_ = std::make_shared<const Json>(ParseJson(text, "request body", limits));
  if (!body.json_->is_object()) {
    throw ApiError(400, "request body: expected a JSON object");
  }
  for (const auto& item : body.json_->items()) {
    const std::string& name = item.key();
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&](const RequestField& f) { return f.name == name; });
    if (field == fields.end()) {
      if (unknown == Unknown::kRefuse) {
        throw ApiError(400, fmt::format("\"{}\": unknown field", Printable(name)), Printable(name),
                       "unknown_parameter");
      }
      body.unknown_fields_.push_back(Printable(name));
    } else if (!item.value().is_null()) {
      CheckField(*field, item.value());
    }
  }
  for (const RequestField& field : fields) {
    if (field.is_required && body.Find(field.name) == nullptr) {
      throw ApiError(400,
                     fmt::format("{}: expected {}, found none", field.name, NameOf(field.type)),
                     std::string(field.name), "missing_required_parameter");
    }
  }
  return body;
}

const Json* RequestBody::Find(std::string_view name) const {
  TRINITY_CHECK(std::any_of(fields_.begin(), fields_.end(),
                            [&](const RequestField& field) { return field.name == name; }));
  const auto found = json_->find(name);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

std::optional<bool> RequestBody::FindBoolean(std::string_view name) const {
  const Json* value = Find(name);
  return value == nullptr ? std::nullopt : std::optional<bool>(value->get<bool>());
}

std::optional<int64_t> RequestBody::FindInteger(std::string_view name) const {
  const Json* value = Find(name);
  return value == nullptr ? std::nullopt : std::optional<int64_t>(ToInteger(*value));
}

std::optional<uint64_t> RequestBody::FindSeed(std::string_view name) const {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_unsigned()) return value->get<uint64_t>();
  if (value->is_number_float() && value->get<double>() >= 0) {
    return static_cast<uint64_t>(value->get<double>());
  }
  return static_cast<uint64_t>(ToInteger(*value));
}

std::optional<double> RequestBody::FindNumber(std::string_view name) const {
  const Json* value = Find(name);
  return value == nullptr ? std::nullopt : std::optional<double>(value->get<double>());
}

std::optional<std::string> RequestBody::FindText(std::string_view name) const {
  const Json* value = Find(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value->get<std::string>());
}

std::vector<std::string> RequestBody::TextsAt(std::string_view name) const {
  const Json* value = Find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  return value->get<std::vector<std::string>>();
}

std::vector<int64_t> RequestBody::IntegersAt(std::string_view name) const {
  std::vector<int64_t> integers;
  if (const Json* value = Find(name)) {
    for (const Json& element : *value) integers.push_back(ToInteger(element));
  }
  return integers;
}

}  // namespace trinity
