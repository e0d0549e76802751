#pragma once

#include <string_view>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// Methods and attributes of Python's list, tuple, dict, dict views, range, int, float and bool that
// change nothing.

namespace trinity::jinja {

// The attribute of anything but strings and callables; false where there is none.
bool FindContainerMethod(Runtime& runtime, const Value& value, std::string_view name, Value& out);

// Whether the attribute exists in Python but would change the container: the immutable sandbox
// makes it undefined.
bool ChangesContainer(const Value& value, std::string_view name);

}  // namespace trinity::jinja
