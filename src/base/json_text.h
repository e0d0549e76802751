#pragma once

#include <string>

#include "base/json.h"

namespace trinity {

// `json` on one line, also for readers who end lines at U+0085, U+2028 and U+2029: these are
// written as escapes. U+FFFD stands for bytes that are not UTF-8 (file names may hold some).
std::string JsonText(const Json& json);

}  // namespace trinity
