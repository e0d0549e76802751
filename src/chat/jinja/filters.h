#pragma once

#include <string_view>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

// A filter: positional[0] is the value in front of the bar.
using Filter = Value (*)(Runtime& runtime, CallArguments& arguments);

struct NamedFilter {
  std::string_view name;
  Filter filter;
};

// The filter of this name; nullptr if there is none.
Filter FindFilter(std::string_view name);

}  // namespace trinity::jinja
