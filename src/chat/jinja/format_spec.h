#pragma once

#include <string>
#include <string_view>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

// format(value, spec): Python's format specification [[fill]align][sign][z][#][0][width][,|_]
// [.precision][type] for strings, integers, floats and bool; other values take an empty one only.
std::string FormatValue(Runtime& runtime, const Value& value, std::string_view spec);

}  // namespace trinity::jinja
