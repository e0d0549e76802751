#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::jinja {

struct WrapOptions {
  size_t width = 79;  // in code points, above 0
  bool break_long_words = true;
  bool break_on_hyphens = true;
};

// The lines that Python's textwrap.wrap() makes of one line; none if it is blank.
std::vector<std::string> WrapLine(std::string_view line, const WrapOptions& options);

}  // namespace trinity::jinja
