#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trinity::jinja {

// What the text between a literal's quotes stands for, with Python's escapes. Absent, with why in
// `message`, where an escape is cut short, names a character by its name, or is a surrogate.
std::optional<std::string> DecodeStringLiteral(std::string_view body, std::string& message);

}  // namespace trinity::jinja
