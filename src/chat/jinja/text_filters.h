#pragma once

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// Filters of Jinja2 on text, and tojson as transformers defines it: json.dumps without escapes
// beyond JSON.

namespace trinity::jinja {

Value CapitalizeFilter(Runtime& runtime, CallArguments& arguments);
Value CenterFilter(Runtime& runtime, CallArguments& arguments);
Value EscapeFilter(Runtime& runtime, CallArguments& arguments);
Value ForceEscapeFilter(Runtime& runtime, CallArguments& arguments);
Value FormatFilter(Runtime& runtime, CallArguments& arguments);
Value IndentFilter(Runtime& runtime, CallArguments& arguments);
Value LowerFilter(Runtime& runtime, CallArguments& arguments);
Value PprintFilter(Runtime& runtime, CallArguments& arguments);
Value ReplaceFilter(Runtime& runtime, CallArguments& arguments);
Value SafeFilter(Runtime& runtime, CallArguments& arguments);
Value StringFilter(Runtime& runtime, CallArguments& arguments);
Value StripTagsFilter(Runtime& runtime, CallArguments& arguments);
Value TitleFilter(Runtime& runtime, CallArguments& arguments);
Value ToJsonFilter(Runtime& runtime, CallArguments& arguments);
Value TrimFilter(Runtime& runtime, CallArguments& arguments);
Value TruncateFilter(Runtime& runtime, CallArguments& arguments);
Value UpperFilter(Runtime& runtime, CallArguments& arguments);
Value UrlEncodeFilter(Runtime& runtime, CallArguments& arguments);
Value WordCountFilter(Runtime& runtime, CallArguments& arguments);
Value WordWrapFilter(Runtime& runtime, CallArguments& arguments);
Value XmlAttrFilter(Runtime& runtime, CallArguments& arguments);

}  // namespace trinity::jinja
