#pragma once

#include <string_view>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// Jinja2's tests: what stands behind `is`.

namespace trinity::jinja {

// positional[0] is the value in front of `is`.
using Predicate = bool (*)(Runtime& runtime, CallArguments& arguments);

// The test of this name; nullptr if there is none.
Predicate FindPredicate(std::string_view name);

}  // namespace trinity::jinja
