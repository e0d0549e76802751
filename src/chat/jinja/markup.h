#pragma once

#include <string>
#include <string_view>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// markupsafe: text that is HTML already, and text that is not.

namespace trinity::jinja {

std::string EscapeHtml(Runtime& runtime, std::string_view text);

// The text of a string, escaped unless it is Markup.
std::string EscapedText(Runtime& runtime, const Value& string);

// Removes comments and tags, collapses white space, and replaces the entities that HTML escaping
// makes (&amp; &lt; &gt; &quot; &apos; &nbsp; and numbers).
std::string StripTags(Runtime& runtime, std::string_view html);

}  // namespace trinity::jinja
