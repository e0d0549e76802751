#pragma once

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// str.format() and str.format_map(), whose fields are looked up under the sandbox's rules.

namespace trinity::jinja {

Value FormatMethod(Runtime& runtime, const Value& self, CallArguments& arguments);
Value FormatMapMethod(Runtime& runtime, const Value& self, CallArguments& arguments);

}  // namespace trinity::jinja
