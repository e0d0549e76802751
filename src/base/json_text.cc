#include "base/json_text.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace trinity {
namespace {

constexpr std::string_view kNextLine = "\u0085";
constexpr std::string_view kLineSeparator = "\u2028";
constexpr std::string_view kParagraphSeparator = "\u2029";

}  // namespace

std::string JsonText(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  // What is not ASCII stands in strings only, where an escape means the same.
  if (text.find_first_of("\xC2\xE2") == text.npos) return text;
  std::string out;
  out.reserve(text.size());
  for (std::string_view rest = text; !rest.empty();) {
    if (rest.starts_with(kNextLine)) {
      out += "\\u0085";
      rest.remove_prefix(kNextLine.size());
    } else if (rest.starts_with(kLineSeparator) || rest.starts_with(kParagraphSeparator)) {
      out += rest.starts_with(kLineSeparator) ? "\\u2028" : "\\u2029";
      rest.remove_prefix(kLineSeparator.size());
    } else {
      out += rest[0];
      rest.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace trinity
