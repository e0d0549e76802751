#pragma once

#include "chat/jinja/value.h"

namespace trinity::jinja {

class Executor;

// The variable `self`, through which a template calls its own blocks.
Value MakeTemplateReference(Executor& executor);

}  // namespace trinity::jinja
