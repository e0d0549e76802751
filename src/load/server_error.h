#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace trinity {

// What a server says of an error, fit for one line: the message of {"error": {"message": ...}} or
// {"error": "..."}, or else all of it.
std::string ServerErrorTextOfBody(std::string_view body);
std::string ServerErrorText(const Json& json);

}  // namespace trinity
