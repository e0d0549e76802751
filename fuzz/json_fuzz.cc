// base/json.h and base/utf8.h: an accepted document survives writing and reading, is accepted by
// the second JSON reader too, and UTF-8 is repaired once and for all.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/check.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/json_document.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"

namespace trinity {
namespace {

// Integers beyond 64 bits become doubles in the one reader and are refused by the other.
bool HoldsFloat(const Json& json) {
  if (json.is_number_float()) return true;
  for (const Json& item : json) {
    if (item.is_structured() ? HoldsFloat(item) : item.is_number_float()) return true;
  }
  return false;
}

void CheckUtf8(std::string_view text) {
  const std::string valid = ToValidUtf8(text);
  TRINITY_CHECK(IsUtf8(valid));
  TRINITY_CHECK(IsUtf8(text) == (valid == text));
  std::string decoded;
  for (std::string_view rest = text; !rest.empty();) {
    const Utf8Char c = DecodeUtf8(rest);
    TRINITY_CHECK(c.num_bytes >= 1 && c.num_bytes <= rest.size());
    AppendUtf8(c.code_point, decoded);
    rest.remove_prefix(c.num_bytes);
  }
  TRINITY_CHECK(decoded == valid);
}

// Where integers keep their digits, nothing else differs.
void CheckKeptDigits(const Json& plain, const Json& kept) {
  if (const std::optional<std::string> digits = LongInteger(kept)) {
    TRINITY_CHECK(plain.is_number_float() && std::stod(*digits) == plain.get<double>());
  } else if (plain.is_structured()) {
    TRINITY_CHECK(plain.size() == kept.size());
    for (auto a = plain.begin(), b = kept.begin(); a != plain.end(); ++a, ++b) {
      CheckKeptDigits(*a, *b);
    }
  } else {
    TRINITY_CHECK(plain == kept);
  }
}

void CheckJson(std::string_view text) {
  JsonLimits limits;
  limits.max_bytes = 6000;
  Json json;
  if (!Accepts([&] { json = ParseJson(text, "input", limits); })) return;
  const std::string written = json.dump();
  TRINITY_CHECK(ParseJson(written, "written") == json);
  limits.keeps_digits = [](std::string_view) { return true; };
  CheckKeptDigits(json, ParseJson(text, "input", limits));
  if (json.is_object() && !HoldsFloat(json)) {
    TRINITY_CHECK(Accepts([&] { JsonDocument(std::string(text), "input"); }));
  }
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = trinity::InputText(data, size);
  trinity::CheckUtf8(text);
  trinity::CheckJson(text);
  trinity::Accepts([&] { trinity::JsonDocument(std::string(text), "input"); });
  return 0;
}
