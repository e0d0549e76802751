#pragma once

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// The str methods translate and maketrans.

namespace trinity::jinja {

Value Translate(Runtime& runtime, const Value& self, CallArguments& arguments);
Value MakeTranslation(Runtime& runtime, const Value& self, CallArguments& arguments);

}  // namespace trinity::jinja
