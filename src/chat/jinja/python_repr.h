#pragma once

#include <string>
#include <string_view>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// Python's str() and repr().

namespace trinity::jinja {

std::string Str(Runtime& runtime, const Value& value);
std::string Repr(Runtime& runtime, const Value& value);
std::string ReprText(std::string_view text);
// repr() with everything beyond ASCII escaped.
std::string Ascii(Runtime& runtime, const Value& value);

// The value as soft_str gives it: strings (Markup too) as they are, others through Str.
Value SoftString(Runtime& runtime, const Value& value);

}  // namespace trinity::jinja
