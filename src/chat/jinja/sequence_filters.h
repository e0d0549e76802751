#pragma once

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// Filters of Jinja2 on sequences and mappings. Those that Jinja2 makes generators compute their
// items as they are read, and can be read once.

namespace trinity::jinja {

Value AttrFilter(Runtime& runtime, CallArguments& arguments);
Value BatchFilter(Runtime& runtime, CallArguments& arguments);
Value DefaultFilter(Runtime& runtime, CallArguments& arguments);
Value DictSortFilter(Runtime& runtime, CallArguments& arguments);
Value FirstFilter(Runtime& runtime, CallArguments& arguments);
Value GroupByFilter(Runtime& runtime, CallArguments& arguments);
Value ItemsFilter(Runtime& runtime, CallArguments& arguments);
Value JoinFilter(Runtime& runtime, CallArguments& arguments);
Value LastFilter(Runtime& runtime, CallArguments& arguments);
Value LengthFilter(Runtime& runtime, CallArguments& arguments);
Value ListFilter(Runtime& runtime, CallArguments& arguments);
Value MapFilter(Runtime& runtime, CallArguments& arguments);
Value RejectFilter(Runtime& runtime, CallArguments& arguments);
Value RejectAttrFilter(Runtime& runtime, CallArguments& arguments);
Value ReverseFilter(Runtime& runtime, CallArguments& arguments);
Value SelectFilter(Runtime& runtime, CallArguments& arguments);
Value SelectAttrFilter(Runtime& runtime, CallArguments& arguments);
Value SliceFilter(Runtime& runtime, CallArguments& arguments);
Value SortFilter(Runtime& runtime, CallArguments& arguments);
Value UniqueFilter(Runtime& runtime, CallArguments& arguments);

}  // namespace trinity::jinja
