#pragma once

#include <string>

#include "base/json.h"

namespace trinity {

// `json` on one line, with U+FFFD for bytes that are not UTF-8 (file names may hold some).
std::string JsonText(const Json& json);

}  // namespace trinity
