#pragma once

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// Filters of Jinja2 on numbers.

namespace trinity::jinja {

Value AbsFilter(Runtime& runtime, CallArguments& arguments);
Value FloatFilter(Runtime& runtime, CallArguments& arguments);
Value FileSizeFormatFilter(Runtime& runtime, CallArguments& arguments);
Value IntFilter(Runtime& runtime, CallArguments& arguments);
Value MaxFilter(Runtime& runtime, CallArguments& arguments);
Value MinFilter(Runtime& runtime, CallArguments& arguments);
Value RoundFilter(Runtime& runtime, CallArguments& arguments);
Value SumFilter(Runtime& runtime, CallArguments& arguments);

}  // namespace trinity::jinja
