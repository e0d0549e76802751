#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace trinity {

// A value of GGUF metadata as an integer from 0 to `highest`. `place` begins the message of the
// Error where it is none.
int64_t GgufInteger(const Json& value, int64_t highest, const std::string& place);

}  // namespace trinity
