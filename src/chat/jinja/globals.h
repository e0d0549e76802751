#pragma once

#include <optional>
#include <string_view>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

// The functions that every chat template finds: range, dict, namespace, cycler, joiner,
// raise_exception and strftime_now. lipsum exists and refuses to be called.
std::optional<Value> FindGlobal(std::string_view name);

// An Error for names that a namespace may not have: those that begin with an underscore, which
// transformers refuses as well.
void CheckNamespaceName(const Runtime& runtime, const Value& name);

}  // namespace trinity::jinja
