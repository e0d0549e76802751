#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trinity {

// What the text of a pattern tells about the cost of matching it.
struct RegexSafety {
  bool uses_search_start = false;  // \G
  // The construct that is refused, for a message. The engine counts retries, and between two of
  // them it reads a piece at most a few times, except by these.
  std::optional<std::string> refused;
};

RegexSafety InspectRegex(std::string_view pattern);

}  // namespace trinity
