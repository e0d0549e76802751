#pragma once

#include <string_view>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// The str methods that ask: isalpha, isdigit, isupper and kin.

namespace trinity::jinja {

bool FindPredicateMethod(Runtime& runtime, const Value& string, std::string_view name, Value& out);

bool IsUpper(std::string_view text);
bool IsLower(std::string_view text);

}  // namespace trinity::jinja
