#include "chat/jinja/string_predicates.h"

#include "chat/jinja/attributes.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/python_unicode.h"

namespace trinity::jinja {
namespace {

bool IsAlphanumeric(char32_t c) {
  return IsIn(CharClass::kAlphabetic, c) || IsIn(CharClass::kDecimal, c) ||
         IsIn(CharClass::kDigit, c) || IsIn(CharClass::kNumeric, c);
}

// Whether all characters are of a kind.
template <typename Predicate>
bool HasOnly(std::string_view text, Predicate predicate) {
  for (const char32_t c : CodePoints(text)) {
    if (!predicate(c)) return false;
  }
  return true;
}

bool IsAlphanumericText(std::string_view text) {
  return !text.empty() && HasOnly(text, IsAlphanumeric);
}

// Not empty, and every character of the class.
template <CharClass kClass>
bool IsAll(std::string_view text) {
  return !text.empty() && HasOnly(text, [](char32_t c) { return IsIn(kClass, c); });
}

bool IsPrintable(std::string_view text) {
  return HasOnly(text, [](char32_t c) { return !IsIn(CharClass::kNotPrintable, c); });
}

bool IsAsciiText(std::string_view text) { return CountCodePoints(text) == text.size(); }

bool IsIdentifier(std::string_view text) {
  return !text.empty() && IsIn(CharClass::kIdentifierStart, *CodePoints(text).begin()) &&
         HasOnly(text, [](char32_t c) { return IsIn(CharClass::kIdentifierPart, c); });
}

// At least one cased character, and none of the refused kinds.
bool HasOnlyCase(std::string_view text, CharClass wanted, CharClass refused) {
  bool found = false;
  for (const char32_t c : CodePoints(text)) {
    if (IsIn(refused, c) || IsIn(CharClass::kTitleCase, c)) return false;
    found = found || IsIn(wanted, c);
  }
  return found;
}

bool IsTitle(std::string_view text) {
  bool after_cased = false;
  bool found = false;
  for (const char32_t c : CodePoints(text)) {
    const bool is_lower = IsIn(CharClass::kLowerCase, c);
    const bool is_upper = IsIn(CharClass::kUpperCase, c) || IsIn(CharClass::kTitleCase, c);
    if ((is_upper && after_cased) || (is_lower && !after_cased)) return false;
    after_cased = is_lower || is_upper;
    found = found || after_cased;
  }
  return found;
}

template <bool (*kPredicate)(std::string_view)>
Value Ask(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments none(runtime, "str method", arguments, {}, 0);
  runtime.Work(self.Text().size() * 8);
  return Value::Bool(kPredicate(self.Text()));
}

struct NamedMethod {
  std::string_view name;
  Method method;
};

constexpr NamedMethod kMethods[] = {
    {"isalnum", Ask<IsAlphanumericText>},
    {"isalpha", Ask<IsAll<CharClass::kAlphabetic>>},
    {"isdecimal", Ask<IsAll<CharClass::kDecimal>>},
    {"isdigit", Ask<IsAll<CharClass::kDigit>>},
    {"isnumeric", Ask<IsAll<CharClass::kNumeric>>},
    {"isspace", Ask<IsAll<CharClass::kSpace>>},
    {"isupper", Ask<IsUpper>},
    {"islower", Ask<IsLower>},
    {"istitle", Ask<IsTitle>},
    {"isascii", Ask<IsAsciiText>},
    {"isprintable", Ask<IsPrintable>},
    {"isidentifier", Ask<IsIdentifier>},
};

}  // namespace

bool IsUpper(std::string_view text) {
  return HasOnlyCase(text, CharClass::kUpperCase, CharClass::kLowerCase);
}

bool IsLower(std::string_view text) {
  return HasOnlyCase(text, CharClass::kLowerCase, CharClass::kUpperCase);
}

bool FindPredicateMethod(Runtime& runtime, const Value& string, std::string_view name, Value& out) {
  for (const NamedMethod& method : kMethods) {
    if (method.name != name) continue;
    out = BindMethod(runtime, method.name, method.method, string);
    return true;
  }
  return false;
}

}  // namespace trinity::jinja
