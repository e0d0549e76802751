#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// The str methods that look for text: find, index, count, startswith, split, partition and kin.

namespace trinity::jinja {

bool FindSearchMethod(Runtime& runtime, const Value& string, std::string_view name, Value& out);

// str.replace(); a negative count replaces all.
std::string ReplaceAll(Runtime& runtime, std::string_view text, std::string_view from,
                       std::string_view to, Int count);

// The first place of `needle` at or after byte `from`; npos if there is none. Linear in the worst
// case, which std::string::find is not.
size_t FindBytes(std::string_view text, std::string_view needle, size_t from = 0);
// The last place, as linear.
size_t FindLastBytes(std::string_view text, std::string_view needle);

}  // namespace trinity::jinja
