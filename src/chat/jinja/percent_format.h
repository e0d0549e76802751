#pragma once

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

// format % arguments: a tuple's items, a mapping's keys (%(name)s), or one value.
Value PercentFormat(Runtime& runtime, const Value& format, const Value& arguments);

}  // namespace trinity::jinja
